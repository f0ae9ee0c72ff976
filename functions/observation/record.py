"""metric.reported → trial.stop_requested: record the points where the cursor stands; stop a Trial that does poorly."""

from datetime import timedelta

from events.envelope import Event
from events.observation import MetricReported
from functions.experiment.announcements import announcements, schedule, trial_announcements
from functions.lambda_entry import lambda_entry
from functions.limits import Limits
from functions.observation.early_stopping.judging import observe
from functions.observation.tokens import Tokens
from functions.ports import Store
from functions.trial.closing import close_if_whole
from functions.trial.model import TrialState


async def handle(event: MetricReported, *, store: Store, limits: Limits, tokens: Tokens) -> list[Event]:
    """Record a range once; close a settling Trial whose log is whole now. Raises Reject for a wrong token."""
    experiment = await store.experiment(event.experiment, lock=True)
    trial = await store.trial(experiment.uid, event.trial.number, lock=True) if experiment else None
    if experiment is None or trial is None or (trial.uid, trial.attempt) != (event.trial.uid, event.attempt):
        return []
    tokens.check(event, trial)
    at = await store.now()
    was_active, known = trial.is_active, (trial.cursor, trial.pushers)
    if await observe(event.range, experiment, trial, store):
        trial.look_again(at, limits.nudge_base_seconds)
    if (trial.cursor, trial.pushers) != known:
        trial.extend_settling(until=at + timedelta(seconds=limits.settle_grace_seconds))
    await close_if_whole(experiment, trial, store)
    if was_active and not trial.is_active:
        schedule(experiment, limits, at=at)
    is_told = trial.state != TrialState.PENDING or trial.is_stopping
    follow = trial_announcements(experiment, trial, cause=event, at=at) if is_told else []
    return [*follow, *([] if trial.is_active else announcements(experiment, cause=event, at=at))]


lambda_handler = lambda_entry(handle)
