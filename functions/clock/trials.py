"""Trials whose time has come: a launch, a look, a stop or the rest of the metrics is outstanding."""

from datetime import datetime, timedelta

from events.envelope import Event
from events.experiment import ClockTicked
from events.reference import ExperimentRef
from events.trial import TargetKind, TrialFinished, WorkerChanged, WorkerOutcome
from functions.catalog import launch_queue
from functions.clock.backoff import move_on
from functions.experiment.announcements import announcements, removal_of_older, schedule, trial_announcements
from functions.experiment.model import Experiment
from functions.identity import announce
from functions.limits import Limits
from functions.ports import Ledger, Stores
from functions.trial.closing import close, fail
from functions.trial.model import Trial, TrialState


def external_timeout(experiment: Experiment, limits: Limits) -> timedelta:
    """Return how long an External Trial may take: as `timeoutSeconds` of its template says, else a day."""
    template = experiment.spec.trial_template
    spec = template.manifest.get("spec") if template and template.manifest else None
    seconds = spec.get("timeoutSeconds") if isinstance(spec, dict) else None
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0:
        return timedelta(seconds=seconds)
    return timedelta(seconds=limits.external_timeout_seconds)


async def nudge_trials(event: ClockTicked, stores: Stores, limits: Limits) -> list[Event]:
    """Announce what each due Trial waits for; those that have used up their nudges, or their time, end here."""
    follow: list[Event] = []
    spent: list[tuple[ExperimentRef, int]] = []
    async with stores.begin() as store:
        lost = await store.lost_hosts()
        trials = await store.due_trials(limits.page_count)
        experiments = await store.experiments_of(list({trial.experiment_uid for trial in trials}))
        for trial in trials:
            experiment = experiments.get(trial.experiment_uid)
            if experiment is None:
                await _put_off(trial, store, limits, is_for_good=trial.experiment_uid not in experiments)
            elif await _is_spent(experiment, trial, store, limits):
                spent.append((experiment.ref, trial.number))
            else:
                at = await store.now()
                follow += removal_of_older(experiment, trial, cause=event, at=at)
                follow += _announce(experiment, trial, event, lost, at)
    for ref, number in spent:
        follow += await _give_up(ref, number, event, stores, limits)
    return follow


async def _put_off(trial: Trial, store: Ledger, limits: Limits, *, is_for_good: bool) -> None:
    """Leave a Trial alone whose Experiment is gone, or cannot be read: then it is looked at again, ever less often."""
    if is_for_good:
        trial.due_at = None
    else:
        move_on(trial, limits, at=await store.now(), counts=False)


async def _is_spent(experiment: Experiment, trial: Trial, store: Ledger, limits: Limits) -> bool:
    """Move the Trial's time on, and tell whether it cannot go on."""
    at = await store.now()
    if trial.state == TrialState.SETTLING and trial.settle_until is not None and trial.settle_until <= at:
        return True
    if trial.target == TargetKind.EXTERNAL and trial.is_active:
        move_on(trial, limits, at=at, counts=False)
        return at - trial.created_at >= external_timeout(experiment, limits)
    is_waiting = (
        trial.state == TrialState.PENDING
        and trial.target == TargetKind.PROCESS
        and not await store.has_free_host(trial.runner_selector)
    )
    if trial.state == TrialState.PENDING and trial.runner_selector:
        await store.note_launch_queue(launch_queue(trial.target, trial.runner_selector))
    is_spent = move_on(trial, limits, at=at, counts=trial.is_active and not is_waiting)
    if trial.settle_until is not None and trial.due_at is not None:
        trial.due_at = min(trial.due_at, trial.settle_until)
    return is_spent


def _announce(
    experiment: Experiment, trial: Trial, event: ClockTicked, lost: frozenset[str], at: datetime
) -> list[Event]:
    about = {"experiment": experiment.ref, "trial": trial.ref, "attempt": trial.attempt}
    if trial.is_active and trial.target == TargetKind.PROCESS and trial.host in lost:
        words = {"reason": "WorkerLost", "message": f"host {trial.host} has gone silent"}
        return [announce(TrialFinished, event, at=at, outcome=WorkerOutcome.LOST, ended_at=at, **about, **words)]
    if trial.state == TrialState.LAUNCHING and trial.target != TargetKind.PROCESS and not trial.is_stopping:
        return trial_announcements(experiment, trial, cause=event, at=at, again=True)
    follow = trial_announcements(experiment, trial, cause=event, at=at)
    is_watched = trial.state in {TrialState.RUNNING, TrialState.SETTLING} and trial.target != TargetKind.PROCESS
    if is_watched:
        follow.append(announce(WorkerChanged, event, at=at, target=trial.target, **about))
    return follow


def _is_hopeless(experiment: Experiment, trial: Trial, limits: Limits, at: datetime) -> bool:
    """Tell whether the verdict still holds: the Trial may have gone on since it was read."""
    if trial.state == TrialState.SETTLING:
        return trial.settle_until is not None and trial.settle_until <= at
    if trial.target == TargetKind.EXTERNAL:
        return at - trial.created_at >= external_timeout(experiment, limits)
    return trial.nudges > limits.nudge_limit


async def _give_up(ref: ExperimentRef, number: int, event: ClockTicked, stores: Stores, limits: Limits) -> list[Event]:
    """End a Trial that cannot go on, with the locks that an end needs."""
    async with stores.begin() as store:
        experiment = await store.experiment(ref, lock=True)
        trial = await store.trial(ref.uid, number, lock=True) if experiment else None
        at = await store.now()
        if (
            experiment is None
            or trial is None
            or not trial.is_active
            or not _is_hopeless(experiment, trial, limits, at)
        ):
            return []
        if trial.state == TrialState.SETTLING:
            await close(experiment, trial, store, at=at)
        elif trial.target == TargetKind.EXTERNAL:
            message = f"no result within {external_timeout(experiment, limits).total_seconds():g} s"
            fail(experiment, trial, at=at, reason="DeadlineExceeded", message=message)
        else:
            message = f"no progress from {trial.state} after {limits.nudge_limit} attempts to go on"
            fail(experiment, trial, at=at, reason=f"{trial.state}TimedOut", message=message)
        schedule(experiment, limits, at=at)
        follow = trial_announcements(experiment, trial, cause=event, at=at)
        return [*follow, *announcements(experiment, cause=event, at=at)]
