"""What an Experiment's end means for the Trials that it leaves."""

from datetime import datetime

from events.envelope import Event
from events.trial import TargetKind
from functions.experiment.announcements import trial_announcements
from functions.experiment.model import Experiment
from functions.ports import Store
from functions.trial.model import StopReason, Trial, TrialState


def kill_in_place(experiment: Experiment, trial: Trial, *, at: datetime, reason: str = "TrialKilled") -> None:
    """End a Trial that has no Worker of ours to stop."""
    trial.ask_stop(StopReason.KILLED)
    if trial.stop_reason == StopReason.KILLED:
        experiment.finish_trial(trial, TrialState.KILLED, at=at, reason=reason, message="Trial is killed")
    elif trial.fold.is_available(experiment.objective):
        experiment.finish_trial(trial, TrialState.EARLY_STOPPED, at=at, message=trial.message)
    else:
        message = f"Metrics are not available: {trial.message}"
        experiment.finish_trial(
            trial, TrialState.METRICS_UNAVAILABLE, at=at, reason="MetricsUnavailable", message=message
        )


async def stop_trials(experiment: Experiment, store: Store, *, cause: Event) -> list[Event]:
    """Ask every active Trial to stop: at once where nothing of ours runs, by announcement elsewhere."""
    at = await store.now()
    follow: list[Event] = []
    for trial in await store.active_trials(experiment.uid, lock=True):
        trial.ask_stop(StopReason.KILLED)
        if trial.state == TrialState.PENDING or trial.target == TargetKind.EXTERNAL:
            kill_in_place(experiment, trial, at=at)
        else:
            trial.look_again(at, 0)
            follow += trial_announcements(experiment, trial, cause=cause, at=at)
    return follow
