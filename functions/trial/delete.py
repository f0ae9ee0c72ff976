"""trial.delete_requested → trial.stop_requested | suggestion.requested: stop the Trial and hide it; its count stays."""

from events.envelope import Event
from events.trial import TargetKind, TrialDeleteRequested
from functions.experiment.announcements import announcements, schedule, trial_announcements
from functions.experiment.ending import kill_in_place
from functions.lambda_entry import lambda_entry
from functions.limits import Limits
from functions.ports import Store
from functions.trial.model import StopReason, TrialState


async def handle(event: TrialDeleteRequested, *, store: Store, limits: Limits) -> list[Event]:
    """Hide the Trial once; one that runs ends as Killed, and its slot is free again then."""
    experiment = await store.experiment(event.experiment, lock=True)
    trial = await store.trial(experiment.uid, event.trial.number, lock=True) if experiment else None
    if experiment is None or trial is None or trial.uid != event.trial.uid:
        return []
    at = await store.now()
    if not trial.is_hidden:
        trial.is_hidden = True
        trial.ask_stop(StopReason.KILLED)
        if trial.is_active and (trial.state == TrialState.PENDING or trial.target == TargetKind.EXTERNAL):
            kill_in_place(experiment, trial, at=at, reason="TrialDeleted")
            schedule(experiment, limits, at=at)
        elif trial.is_active:
            trial.look_again(at, limits.nudge_base_seconds)
        else:
            trial.let_go(at=at)
    follow = trial_announcements(experiment, trial, cause=event, at=at)
    return [*follow, *announcements(experiment, cause=event, at=at)]


lambda_handler = lambda_entry(handle)
