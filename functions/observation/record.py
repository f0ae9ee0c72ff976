"""metric.reported → trial.stop_requested: record the points where the cursor stands; stop a Trial that does poorly."""

from events.envelope import Event
from events.observation import MetricReported
from functions.experiment.announcements import announcements, schedule, trial_announcements
from functions.lambda_entry import lambda_entry
from functions.limits import Limits
from functions.observation.early_stopping.rules import is_poor
from functions.observation.recording import record_range
from functions.observation.tokens import Tokens
from functions.ports import Store
from functions.trial.closing import close_if_whole
from functions.trial.model import StopReason, TrialState


async def handle(event: MetricReported, *, store: Store, limits: Limits, tokens: Tokens) -> list[Event]:
    """Record a range once; close a settling Trial whose log is whole now. Raises Reject for a wrong token."""
    experiment = await store.experiment(event.experiment, lock=True)
    trial = await store.trial(experiment.uid, event.trial.number, lock=True) if experiment else None
    if experiment is None or trial is None or (trial.uid, trial.attempt) != (event.trial.uid, event.attempt):
        return []
    tokens.check(event, trial)
    at = await store.now()
    was_active = trial.is_active
    if (
        await record_range(event.range, trial, store)
        and trial.state == TrialState.RUNNING
        and is_poor(experiment, trial)
    ):
        trial.ask_stop(StopReason.EARLY_STOPPED)
        trial.look_again(at, limits.nudge_base_seconds)
    await close_if_whole(experiment, trial, store)
    if was_active and not trial.is_active:
        schedule(experiment, limits, at=at)
    follow = trial_announcements(experiment, trial, cause=event, at=at) if trial.state != TrialState.PENDING else []
    return [*follow, *([] if trial.is_active else announcements(experiment, cause=event, at=at))]


lambda_handler = lambda_entry(handle)
