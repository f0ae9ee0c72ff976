"""What follows from an Experiment's state: saying it again says the same."""

from datetime import datetime

from events.envelope import Event
from events.experiment import ExperimentFinished
from events.suggestion import SuggestionRequested
from events.trial import TargetKind, TrialCreated, TrialStopRequested, WorkerChanged
from functions.experiment.model import Experiment
from functions.identity import announce
from functions.limits import Limits
from functions.trial.model import Trial, TrialState

DELETED = "Deleted"


def announcements(experiment: Experiment, *, cause: Event, at: datetime) -> list[Event]:
    """Return what the Experiment needs next: its conclusion, or Trials for its free slots."""
    if experiment.deleted_at:
        return [_finished(experiment, DELETED, cause, at)]
    if experiment.is_completed:
        told = experiment.notified_completion >= experiment.completion and not experiment.pending
        return [] if told else [_finished(experiment, experiment.phase, cause, at)]
    if experiment.free_slots and not experiment.is_searching(at):
        return [announce(SuggestionRequested, cause, at=at, experiment=experiment.ref)]
    return []


def _finished(experiment: Experiment, result: str, cause: Event, at: datetime) -> Event:
    about = {"experiment": experiment.ref, "completion": experiment.completion, "result": result}
    return announce(ExperimentFinished, cause, at=at, **about)


def trial_announcements(
    experiment: Experiment, trial: Trial, *, cause: Event, at: datetime, again: bool = False
) -> list[Event]:
    """Return what the Trial needs next: its launch, its stop, or the removal of its Worker.

    `again` asks for a launch whose claim has expired.
    """
    about = {"experiment": experiment.ref, "trial": trial.ref, "attempt": trial.attempt, "target": trial.target}
    if trial.is_stopping and trial.state != TrialState.SETTLING:
        return [announce(TrialStopRequested, cause, at=at, **about)]
    if again or (trial.state == TrialState.PENDING and not trial.is_waiting_to_retry(at)):
        data = {"runner_selector": trial.runner_selector, "parameter_assignments": trial.assignments}
        return [announce(TrialCreated, cause, at=at, **about, **data)]
    if not trial.is_active and trial.removed_at is None and trial.target != TargetKind.PROCESS:
        return [announce(WorkerChanged, cause, at=at, **about)]
    return []


def removal_of_older(experiment: Experiment, trial: Trial, *, cause: Event, at: datetime) -> list[Event]:
    """Return a look at each Worker of an attempt that another has followed: it is removed then.

    A process Worker is removed by its host, an External one by nobody.
    """
    about = {"experiment": experiment.ref, "trial": trial.ref, "target": trial.target}
    return [announce(WorkerChanged, cause, at=at, attempt=attempt, **about) for attempt in trial.leftover]


def schedule(experiment: Experiment, limits: Limits, *, at: datetime) -> None:
    """Tell reconcile when to look at the Experiment if no event comes: only where something is outstanding."""
    is_told = experiment.notified_completion >= experiment.completion and not experiment.pending
    if experiment.free_slots and experiment.is_searching(at):
        experiment.wake_at(experiment.searching_until)
    elif experiment.deleted_at or experiment.free_slots or (experiment.is_completed and not is_told):
        experiment.look_again(at, limits.nudge_base_seconds)
    else:
        experiment.wake_at(None)
