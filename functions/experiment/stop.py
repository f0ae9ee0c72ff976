"""experiment.stop_requested → trial.stop_requested, experiment.finished: end the Experiment now."""

from events.envelope import Event
from events.experiment import ExperimentStopRequested
from functions.experiment.announcements import announcements, schedule
from functions.experiment.command import find_addressed, has_seen_last_edit
from functions.experiment.ending import stop_trials
from functions.experiment.reasons import EndReason
from functions.lambda_entry import lambda_entry
from functions.limits import Limits
from functions.ports import Store


async def handle(event: ExperimentStopRequested, *, store: Store, limits: Limits) -> list[Event]:
    """End the Experiment and stop its Trials; a stop older than the last restart changes nothing."""
    experiment = await find_addressed(event, store)
    if experiment is None:
        return []
    at = await store.now()
    is_late = experiment.restarted_at is not None and event.time < experiment.restarted_at
    is_expected = has_seen_last_edit(event.resource_version, experiment)
    if not experiment.is_completed and is_expected and not is_late:
        experiment.end(EndReason.STOPPED, at=at)
        schedule(experiment, limits, at=at)
    is_wanted = experiment.is_completed and is_expected and not is_late
    stops = await stop_trials(experiment, store, cause=event) if is_wanted or experiment.is_stopped else []
    return [*stops, *announcements(experiment, cause=event, at=at)]


lambda_handler = lambda_entry(handle)
