"""The parts of a conclusion, each with transactions of its own."""

from events.envelope import Event
from events.experiment import ExperimentFinished
from events.reference import ExperimentRef
from functions.experiment.announcements import schedule
from functions.experiment.ending import kill_in_place, stop_trials
from functions.experiment.model import Experiment
from functions.limits import Limits
from functions.ports import Notifier, Store, Stores
from functions.trial.model import TrialState

_PURGE_PAGES = 100
"""Pages of one handling: reconcile asks again for the rest of a very large Experiment."""


async def end_trials(event: ExperimentFinished, stores: Stores, limits: Limits) -> list[Event]:
    """Kill in place the Trials that were never launched, and with `onComplete: stop` ask the others to stop.

    A sink is told only after this, so that a conclusion that was told has asked for every stop.
    """
    async with stores.begin() as store:
        experiment = await _find_completed(event, store)
        if experiment is None or not experiment.active_count:
            return []
        at = await store.now()
        for trial in await store.active_trials(experiment.uid, lock=True):
            if trial.state == TrialState.PENDING:
                kill_in_place(experiment, trial, at=at, reason="ExperimentEnded")
        is_stopping = experiment.spec.on_complete == "stop"
        stops = await stop_trials(experiment, store, cause=event) if is_stopping else []
        schedule(experiment, limits, at=at)
        return stops


async def notify_sinks(event: ExperimentFinished, stores: Stores, notifier: Notifier, limits: Limits) -> None:
    """Tell every sink that has not heard of this completion, and note each one that has."""
    failure: OSError | None = None
    for sink in notifier.sinks:
        async with stores.begin() as store:
            experiment = await _find_completed(event, store)
            is_told = experiment is None or experiment.notified.get(sink, 0) >= event.completion
        if is_told:
            continue
        try:
            await notifier.notify(sink, event.model_copy(update={"id": _delivery_id(event)}))
        except OSError as error:
            failure = error  # the other sinks are told all the same
            continue
        async with stores.begin() as store:
            if experiment := await _find_completed(event, store):
                experiment.notified = {**experiment.notified, sink: event.completion}
    if failure is not None:
        raise failure
    async with stores.begin() as store:
        if experiment := await _find_completed(event, store):
            experiment.notified_completion = event.completion
            schedule(experiment, limits, at=await store.now())


def _delivery_id(event: ExperimentFinished) -> str:
    """One id per completion, whatever announced it: the receiver's idempotency key."""
    return f"{event.experiment.uid}/{event.completion}"


async def _find_completed(event: ExperimentFinished, store: Store) -> Experiment | None:
    """Return the locked Experiment if this completion still stands."""
    experiment = await store.experiment(event.experiment, lock=True)
    if experiment is None or experiment.deleted_at or not experiment.is_completed:
        return None
    return experiment if experiment.completion == event.completion else None


async def purge(ref: ExperimentRef, stores: Stores, limits: Limits) -> None:
    """Delete the rows of a deleted Experiment, in pages, once no Worker of it can be alive."""
    for _ in range(_PURGE_PAGES):
        async with stores.begin() as store:
            experiment = await store.experiment(ref, lock=True)
            if experiment is None or experiment.deleted_at is None or experiment.active_count:
                return
            if await store.unremoved_trials(experiment.uid, 1):
                return
            if not await store.delete_page(experiment.uid, limits.page_count):
                return
