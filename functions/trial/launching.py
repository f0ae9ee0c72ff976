"""The two transactions around a launch: claim before it, apply after it."""

from dataclasses import replace
from datetime import datetime, timedelta

from events.envelope import Event
from events.trial import TargetKind, TrialCreated, TrialFinished, WorkerOutcome
from functions.experiment.announcements import schedule, trial_announcements
from functions.experiment.ending import kill_in_place
from functions.experiment.model import Experiment
from functions.identity import announce
from functions.limits import Limits
from functions.ports import Host, Store, Stores
from functions.trial.model import Trial, TrialState
from functions.trial.render import render_worker
from functions.worker import LaunchRefusedError, Worker


async def claim_launch(event: TrialCreated, stores: Stores, host: Host, limits: Limits) -> Worker | None:
    """Move the Trial to Launching and return its Worker; None where somebody else has it or nobody wants it.

    Raises LaunchRefusedError where the template cannot be filled; the Trial stays as it is then.
    """
    async with stores.begin() as store:
        experiment, trial = await _lock(event, store)
        if experiment is None or trial is None or trial.attempt != event.attempt:
            return None
        at = await store.now()
        may_claim = _may_claim(trial, event, host, at)
        is_unwanted = trial.is_stopping or (experiment.is_completed and trial.state == TrialState.PENDING)
        if may_claim and is_unwanted:
            kill_in_place(experiment, trial, at=at, reason="ExperimentEnded")
            schedule(experiment, limits, at=at)
            return None
        if not may_claim:
            return None
        worker = _render(experiment, trial)
        age = _claim_age(trial, limits, at)
        experiment.count_move(trial.state, TrialState.LAUNCHING)
        trial.claim(host.name, by=event.id, until=at + timedelta(seconds=limits.launch_lease_seconds))
        trial.due_at = trial.lease_until
        return replace(worker, claimed_seconds_ago=age)


def _render(experiment: Experiment, trial: Trial) -> Worker:
    try:
        return render_worker(experiment, trial)
    except ValueError as error:
        raise LaunchRefusedError("InvalidTemplate", f"spec.trialTemplate: {error}") from error


def _claim_age(trial: Trial, limits: Limits, at: datetime) -> float | None:
    """Return how long ago another delivery claimed this attempt; it may have called the target."""
    if trial.state != TrialState.LAUNCHING or trial.lease_until is None:
        return None
    return limits.launch_lease_seconds - (trial.lease_until - at).total_seconds()


def _may_claim(trial: Trial, event: TrialCreated, host: Host, at: datetime) -> bool:
    """Tell whether this event, here, may call the target.

    A process claim belongs to its host until that host is lost: nobody else can see whether it was carried out.
    """
    if trial.state == TrialState.PENDING:
        return True
    if trial.state != TrialState.LAUNCHING:
        return False
    if trial.target == TargetKind.PROCESS:
        return trial.host == host.name
    is_expired = trial.lease_until is None or trial.lease_until <= at
    return trial.claimed_by == event.id or is_expired


async def apply_launch(event: TrialCreated, stores: Stores, reference: str, limits: Limits) -> tuple[bool, list[Event]]:
    """Move the Trial to Running; (False, …) where the Worker came too late and its launcher must remove it."""
    async with stores.begin() as store:
        experiment, trial = await _lock(event, store)
        if experiment is None or trial is None or trial.attempt != event.attempt:
            return False, []
        if trial.state != TrialState.LAUNCHING:
            return trial.is_active, []
        at = await store.now()
        experiment.count_move(trial.state, TrialState.RUNNING)
        trial.start(reference, at=at)
        trial.look_again(at, first_look_seconds(trial, limits))
        experiment.settle(at=at)
        return True, trial_announcements(experiment, trial, cause=event, at=at)


def first_look_seconds(trial: Trial, limits: Limits) -> float:
    """Return when reconcile first looks at a running Trial: an External one at its deadline."""
    if trial.target == TargetKind.EXTERNAL:
        return limits.external_timeout_seconds
    return limits.nudge_base_seconds


async def refusal(event: TrialCreated, stores: Stores, error: LaunchRefusedError) -> Event:
    """Return the finish of an attempt that could not be launched."""
    async with stores.begin() as store:
        at = await store.now()
    data = {"experiment": event.experiment, "trial": event.trial, "attempt": event.attempt}
    ending = {"outcome": WorkerOutcome.REFUSED, "reason": error.reason[:256], "message": error.message[:4096]}
    return announce(TrialFinished, event, at=at, ended_at=at, **data, **ending)


async def _lock(event: TrialCreated, store: Store) -> tuple[Experiment | None, Trial | None]:
    experiment = await store.experiment(event.experiment, lock=True)
    if experiment is None:
        return None, None
    return experiment, await store.trial(experiment.uid, event.trial.number, lock=True)
