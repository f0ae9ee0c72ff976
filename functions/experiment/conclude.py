"""experiment.finished → trial.stop_requested: end what never started, tell the sinks, purge what was deleted."""

from events.envelope import Event
from events.experiment import ExperimentFinished
from functions.experiment.announcements import DELETED
from functions.experiment.conclusion import end_trials, notify_sinks, purge
from functions.lambda_entry import lambda_entry
from functions.limits import Limits
from functions.ports import Notifier, Stores


async def handle(event: ExperimentFinished, *, stores: Stores, notifier: Notifier, limits: Limits) -> list[Event]:
    """Do each part that the state says is not done; reconcile asks again for what a crash leaves."""
    if event.result == DELETED:
        await purge(event.experiment, stores, limits)
        return []
    stops = await end_trials(event, stores, limits)
    await notify_sinks(event, stores, notifier, limits)
    return stops


lambda_handler = lambda_entry(handle)
