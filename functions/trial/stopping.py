"""The two transactions around a stop: what the row says before it, that the target was told after it."""

from dataclasses import dataclass
from datetime import datetime

from events.envelope import Event
from events.trial import TargetKind, TrialStopRequested, WorkerChanged
from functions.experiment.announcements import schedule
from functions.experiment.ending import kill_in_place
from functions.experiment.model import Experiment
from functions.identity import announce
from functions.limits import Limits
from functions.ports import Stores
from functions.trial.model import Trial, TrialState
from functions.trial.render import render_worker
from functions.worker import Worker


@dataclass(frozen=True, slots=True)
class StopClaim:
    """What is to be stopped, or the Experiment whose Trial ended in place."""

    at: datetime
    worker: Worker | None = None
    ended_experiment: Experiment | None = None


async def claim_stop(event: TrialStopRequested, stores: Stores, limits: Limits) -> StopClaim:
    """End a Trial in place where no Worker of ours runs, else return the Worker to stop."""
    async with stores.begin() as store:
        experiment = await store.experiment(event.experiment, lock=True)
        trial = await store.trial(experiment.uid, event.trial.number, lock=True) if experiment else None
        at = await store.now()
        if experiment is None or trial is None or not trial.is_stopping or trial.attempt != event.attempt:
            return StopClaim(at)
        if trial.state == TrialState.PENDING or trial.target == TargetKind.EXTERNAL or _is_abandoned(trial, at):
            kill_in_place(experiment, trial, at=at)
            schedule(experiment, limits, at=at)
            return StopClaim(at, ended_experiment=experiment)
        return StopClaim(at, worker=render_worker(experiment, trial) if trial.state == TrialState.RUNNING else None)


def _is_abandoned(trial: Trial, at: datetime) -> bool:
    """Tell whether a launch was begun and its launcher is gone; what it may have started is removed afterwards."""
    is_expired = trial.lease_until is None or trial.lease_until <= at
    return trial.state == TrialState.LAUNCHING and trial.target != TargetKind.PROCESS and is_expired


async def note_stop_sent(event: TrialStopRequested, stores: Stores, limits: Limits) -> list[Event]:
    """Note when the target was first told: a Worker that succeeded before has succeeded."""
    async with stores.begin() as store:
        experiment = await store.experiment(event.experiment, lock=True)
        trial = await store.trial(experiment.uid, event.trial.number, lock=True) if experiment else None
        at = await store.now()
        if experiment is None or trial is None or not trial.is_stopping or trial.attempt != event.attempt:
            return []
        if trial.stop_sent_at is None:
            trial.stop_sent_at = at
            trial.look_again(at, limits.nudge_base_seconds)
        about = {"experiment": experiment.ref, "trial": trial.ref, "attempt": trial.attempt, "target": trial.target}
        return [announce(WorkerChanged, event, at=at, **about)]
