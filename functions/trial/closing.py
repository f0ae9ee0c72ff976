"""How a Trial ends: an outcome is taken, the rest of its metrics comes in, and whoever comes last closes it."""

from datetime import datetime, timedelta

from events.objective import CollectorKind
from events.trial import FailureClass, TrialFinished, WorkerOutcome
from functions.experiment.measuring import has_result
from functions.experiment.model import Experiment
from functions.limits import Limits
from functions.observation.early_stopping.judging import leave_lessons, observe
from functions.observation.fold import Fold
from functions.observation.recording import load_points
from functions.ports import Store
from functions.trial.failure import classify, may_retry, retry
from functions.trial.model import Trial, TrialState


async def take_outcome(
    event: TrialFinished, experiment: Experiment, trial: Trial, store: Store, limits: Limits
) -> None:
    """Note how the Worker ended, with the last of its points; what failed for no fault of its own is tried again."""
    at = await store.now()
    if may_retry(event, experiment, trial, limits):
        experiment.count_move(trial.state, TrialState.PENDING)
        retry(event, trial, limits, at=at)
        if not trial.is_waiting_to_retry(at):
            trial.look_again(at, limits.nudge_base_seconds)
        return
    if event.last_range is not None:
        await observe(event.last_range, experiment, trial, store, has_ended=True)
    if trial.outcome is None:
        experiment.count_move(trial.state, TrialState.SETTLING)
        trial.settle_for(event, until=at + timedelta(seconds=limits.settle_grace_seconds))
        trial.due_at = min(at + timedelta(seconds=limits.nudge_base_seconds), trial.settle_until or at)


async def close_if_whole(experiment: Experiment, trial: Trial, store: Store) -> None:
    """End a settling Trial whose metrics are all here; its last range may have come before those that it follows."""
    if trial.state == TrialState.SETTLING and trial.outcome is not None and trial.outcome.last_range is not None:
        await observe(trial.outcome.last_range, experiment, trial, store, has_ended=True)
    if trial.state == TrialState.SETTLING and trial.has_whole_log and not _waits_for_pushes(experiment, trial):
        await close(experiment, trial, store, at=await store.now())


def _waits_for_pushes(experiment: Experiment, trial: Trial) -> bool:
    """Tell whether points of a Worker that pushes may be on the way: its sources say themselves when they are whole."""
    collector = experiment.spec.metrics_collector_spec
    is_push = collector is not None and collector.kind == CollectorKind.PUSH
    is_countless = trial.outcome is not None and trial.outcome.log_end is None
    is_good = trial.outcome is not None and trial.outcome.outcome == WorkerOutcome.SUCCEEDED
    is_whole = bool(trial.pushers) and all(pusher.is_complete for pusher in trial.pushers.values())
    return is_push and is_countless and is_good and not is_whole


async def close(experiment: Experiment, trial: Trial, store: Store, *, at: datetime) -> None:
    """End a settling Trial with what is here."""
    outcome = trial.outcome
    if outcome is None:
        return
    if trial.pushers:
        trial.fold = Fold().add(await load_points(trial, store))
    state = trial.end_state(outcome, is_available=has_result(experiment.spec, trial.fold))
    if state == TrialState.SUCCEEDED:
        await leave_lessons(experiment, trial, store)
    reason, message = _words(trial, outcome, state)
    _note_failure(trial, state, classify(outcome.outcome, outcome.reason))
    experiment.finish_trial(trial, state, at=at, reason=reason, message=message)


def _words(trial: Trial, outcome: TrialFinished, state: TrialState) -> tuple[str, str]:
    """Return reason and message of the terminal condition."""
    if state == TrialState.FAILED:
        is_lost = outcome.outcome == WorkerOutcome.LOST
        return outcome.reason or ("WorkerLost" if is_lost else "TrialFailed"), outcome.message or "Trial has failed"
    if state == TrialState.METRICS_UNAVAILABLE:
        missing = "" if trial.has_whole_log else f": the log was read to {trial.cursor} of {outcome.log_end}"
        why = f": {outcome.message}" if outcome.message and not missing else missing
        return "MetricsUnavailable", f"Metrics are not available{why}"
    if state == TrialState.SUCCEEDED and outcome.reason:
        return outcome.reason, outcome.message
    return "", trial.message if state == TrialState.EARLY_STOPPED else ""


def _note_failure(trial: Trial, state: TrialState, kind: FailureClass | None) -> None:
    """Keep the class where the Trial has failed; a stop is no failure."""
    if state == TrialState.METRICS_UNAVAILABLE:
        trial.failure = FailureClass.METRICS_UNAVAILABLE
    elif state == TrialState.FAILED:
        trial.failure = kind


def fail(experiment: Experiment, trial: Trial, *, at: datetime, reason: str, message: str) -> None:
    """End an active Trial that cannot go on; a stop that was asked for decides, as it does for any outcome."""
    state = TrialState(trial.stop_reason) if trial.stop_reason else TrialState.FAILED
    if state == TrialState.EARLY_STOPPED and not has_result(experiment.spec, trial.fold):
        state = TrialState.METRICS_UNAVAILABLE
    _note_failure(trial, state, classify(WorkerOutcome.FAILED, reason))
    experiment.finish_trial(trial, state, at=at, reason=reason, message=message)
