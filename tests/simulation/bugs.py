"""Bugs that a test plants, one at a time: each breaks one rule of the protocol, and the simulation must see it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from unittest.mock import patch

from events.envelope import Event
from events.experiment import ExperimentFinished
from events.observation import MetricPoint, MetricRange
from events.reference import ExperimentRef, TrialEvent
from events.resource import Manifest
from events.trial import TrialAttempt, TrialDeleteRequested, WorkerOutcome
from functions.catalog import Subscription
from functions.experiment import conclusion
from functions.experiment.model import Experiment
from functions.limits import Limits
from functions.observation.early_stopping import judging
from functions.ports import Ledger, Notifier, Store, Stores
from functions.suggestion import applying, priors, searching
from functions.suggestion.algorithms.interface import Answer, Request, Suggested
from functions.suggestion.model import Suggestion
from functions.suggestion.priors import seeds_to_run
from functions.suggestion.search_space import SearchSpace
from functions.trial import delete as trial_delete
from functions.trial import launching
from functions.trial.model import Trial, TrialState
from infra import runtime
from infra.runtime import Runtime
from infra.store.store import SQLStore
from infra.wiring import Wiring
from tests.simulation.world import SpyNotifier


def publish_before_commit() -> AbstractContextManager[object]:
    """Let the runtime publish while the transaction is open, and nothing afterwards."""

    async def run(self: Runtime, group: list[runtime._Item]) -> list[Event]:
        first = group[0]
        if not first.subscription.is_grouped:
            return runtime.distinct(await self._wiring.run(first.subscription, first.event))
        announced: list[Event] = []
        async with self._wiring.stores.begin() as store:
            await runtime._lock(group, store)
            for item in group:
                announced += await self._wiring.run(item.subscription, item.event, store)
            await self._broker.publish(runtime.distinct(announced))
        return []

    return patch.object(Runtime, "_run", run)


def ack_before_publish() -> AbstractContextManager[object]:
    """Let the runtime ack first: a crash in between loses the announcements."""

    async def finish(self: Runtime, group: list[runtime._Item], announced: list[Event]) -> None:
        await self._broker.ack([item.delivery for item in group])
        if announced:
            await self._broker.publish(announced)

    return patch.object(Runtime, "_finish", finish)


def forget_the_lease() -> AbstractContextManager[object]:
    """Let everybody search at once, and take every answer."""

    async def lock(event: Event, _: object, store: Store) -> object:
        experiment = await store.experiment(event.experiment, lock=True)  # type: ignore[attr-defined]
        suggestion = await store.suggestion(experiment.uid, lock=True) if experiment else None
        return (experiment, suggestion) if experiment and suggestion else None

    stack = ExitStack()
    stack.enter_context(patch.object(Suggestion, "is_held_by_other", lambda *_, **__: False))
    stack.enter_context(patch.object(applying, "_lock", lock))
    return stack


def ignore_the_attempt() -> AbstractContextManager[object]:
    """Let what an older attempt says count for the current one."""
    original = Wiring.run

    async def run(self: Wiring, to: Subscription, event: Event, store: Ledger | None = None) -> list[Event]:
        if isinstance(event, TrialEvent) and store is not None:
            trial = await store.trial(event.experiment.uid, event.trial.number)
            if trial is not None and trial.attempt > event.attempt:
                event = event.model_copy(update={"attempt": trial.attempt})
        return await original(self, to, event, store)

    return patch.object(Wiring, "run", run)


def skip_a_cursor_gap() -> AbstractContextManager[object]:
    """Let a range be applied wherever it begins."""

    async def record(points: MetricRange, trial: Trial, store: Store) -> Sequence[MetricPoint] | None:
        if not trial.is_active or points.end <= trial.cursor:
            return None
        if points.source != trial.log_source:
            trial.begin_source(points.source)
        await store.add_points(trial, points)
        trial.fold = trial.fold.add(points.points)
        trial.cursor = points.end
        return points.points

    return patch.object(judging, "record_range", record)


def retry_for_ever() -> AbstractContextManager[object]:
    """Let a Trial be tried again whatever its budget says."""
    return patch("functions.trial.failure.max_retries", lambda *_: 1_000)


def retry_what_the_program_did() -> AbstractContextManager[object]:
    """Let a program that failed be tried again."""
    return patch("functions.trial.failure.is_retried", lambda outcome, _: outcome != WorkerOutcome.SUCCEEDED)


def forget_the_attempts() -> AbstractContextManager[object]:
    """Let only the last attempt be kept."""
    original = Trial.relaunch

    def relaunch(self: Trial, failed: TrialAttempt, *, retry_at: datetime) -> None:
        original(self, failed, retry_at=retry_at)
        self.attempts = (failed,)

    return patch.object(Trial, "relaunch", relaunch)


def forget_the_deadline() -> AbstractContextManager[object]:
    """Let time pass without end."""
    return patch.object(Experiment, "deadline", None)


def drain_always() -> AbstractContextManager[object]:
    """Let the Workers of an ended Experiment run on, whatever it says."""

    async def stop_nothing(*_: object, **__: object) -> list[Event]:
        return []

    return patch("functions.experiment.conclusion.stop_trials", stop_nothing)


def uncount_a_deleted_trial() -> AbstractContextManager[object]:
    """Let the deletion of a Trial take it out of its Experiment's counters."""
    original = trial_delete.handle

    async def handle(event: TrialDeleteRequested, *, store: Store, limits: Limits) -> list[Event]:
        follow = await original(event, store=store, limits=limits)
        experiment = await store.experiment(event.experiment, lock=True)
        if experiment is not None and experiment.created_count:
            experiment.created_count -= 1
        return follow

    return patch.object(trial_delete, "handle", handle)


def count_failures_as_stagnation() -> AbstractContextManager[object]:
    """Let every Trial that ends count as one that was no better."""
    original = Experiment.settle

    def settle(self: Experiment, *, at: datetime) -> None:
        self.stale_count = max(self.stale_count, self.failed)
        original(self, at=at)

    return patch.object(Experiment, "settle", settle)


def tell_one_sink() -> AbstractContextManager[object]:
    """Let the first sink that hears of an end be the only one."""
    return patch.object(SpyNotifier, "sinks", ("webhook",))


def judge_the_last_report_only() -> AbstractContextManager[object]:
    """Let of several reports that are read at once only the last be known to early stopping."""
    original = judging._numbers

    def numbers(points: Sequence[MetricPoint], experiment: Experiment) -> list[float | None]:
        return original(points, experiment)[-1:]

    return patch.object(judging, "_numbers", numbers)


def keep_the_beaten() -> AbstractContextManager[object]:
    """Let a Trial into the front, and stay there, though another one is better in everything."""
    return patch("functions.experiment.optimum._is_as_good", lambda one, other: one == other)


def plant_seeds_again() -> AbstractContextManager[object]:
    """Let every search of the first Trials begin with the first seed."""

    def plant(request: Request) -> Answer | None:
        rows = seeds_to_run(request.spec, request.space)[: request.count]
        return Answer(tuple(map(Suggested, rows))) if request.first_number <= len(rows) else None

    return patch.object(searching, "_plant", plant)


def learn_from_what_came_later() -> AbstractContextManager[object]:
    """Let a search that is begun from another Experiment hear of what that one finds from then on."""
    original = priors._read

    async def read(ref: ExperimentRef, _: int, store: Store, space: SearchSpace) -> list[priors.Known]:
        return await original(ref, 1_000_000, store, space)

    return patch.object(priors, "_read", read)


def launch_whoever_asks() -> AbstractContextManager[object]:
    """Let every delivery call the target, whoever has the claim."""
    states = (TrialState.PENDING, TrialState.LAUNCHING)
    return patch.object(launching, "_may_claim", lambda trial, *_: trial.state in states)


def revive_the_dead() -> AbstractContextManager[object]:
    """Let nobody look whether an Experiment was deleted."""

    async def has_tombstone(*_: object) -> bool:
        return False

    return patch.object(SQLStore, "has_tombstone", has_tombstone)


def never_back_off() -> AbstractContextManager[object]:
    """Let reconcile say the same at every tick, for ever."""

    def move_on(row: Experiment | Trial, _: Limits, *, at: datetime, counts: bool = True) -> bool:
        row.due_at = at
        return not counts

    stack = ExitStack()
    for place in ("experiments", "trials"):
        stack.enter_context(patch(f"functions.clock.{place}.move_on", move_on))
    return stack


def tell_under_many_names() -> AbstractContextManager[object]:
    """Let a completion be told under the id of whatever announced it."""
    return patch.object(conclusion, "_delivery_id", lambda event: event.id)


def lock_trials_first() -> AbstractContextManager[object]:
    """Let a group lock its Trials before its Experiment."""

    async def lock(group: list[runtime._Item], store: Ledger) -> None:
        for item in group:
            if isinstance(item.event, TrialEvent):
                await store.lock_trials(item.event.experiment.uid, [item.event.trial.number])

    return patch.object(runtime, "_lock", lock)


def tell_inside_the_transaction() -> AbstractContextManager[object]:
    """Let a sink be told while the Experiment's row is locked."""

    async def notify(event: ExperimentFinished, stores: Stores, notifier: Notifier, _: Limits) -> None:
        async with stores.begin() as store:
            if experiment := await store.experiment(event.experiment, lock=True):
                await notifier.notify("webhook", event)
                experiment.notified_completion = event.completion

    return patch("functions.experiment.conclude.notify_sinks", notify)


def fold_what_comes_after_the_end() -> AbstractContextManager[object]:
    """Let late points change the observation of a Trial that has ended."""
    original = judging.record_range

    async def record(points: MetricRange, trial: Trial, store: Store) -> Sequence[MetricPoint] | None:
        if not trial.is_active:
            trial.fold = trial.fold.add(points.points)
        return await original(points, trial, store)

    return patch.object(judging, "record_range", record)


def forget_what_was_decided() -> AbstractContextManager[object]:
    """Let a search begin anew each time: its state is not committed with the Trials that it led to."""
    original = Suggestion.note_search

    def note(self: Suggestion, *, count: int, state: Manifest | None, note: str = "") -> None:
        original(self, count=count, state=None, note=note)

    return patch.object(Suggestion, "note_search", note)


BUGS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "publish before commit": publish_before_commit,
    "ack before publish": ack_before_publish,
    "forget the lease": forget_the_lease,
    "ignore the attempt": ignore_the_attempt,
    "skip a cursor gap": skip_a_cursor_gap,
    "retry for ever": retry_for_ever,
    "retry what the program did": retry_what_the_program_did,
    "forget the attempts": forget_the_attempts,
    "forget the deadline": forget_the_deadline,
    "drain always": drain_always,
    "uncount a deleted Trial": uncount_a_deleted_trial,
    "count failures as stagnation": count_failures_as_stagnation,
    "tell one sink": tell_one_sink,
    "judge the last report only": judge_the_last_report_only,
    "keep the beaten": keep_the_beaten,
    "plant seeds again": plant_seeds_again,
    "learn from what came later": learn_from_what_came_later,
    "launch whoever asks": launch_whoever_asks,
    "revive the dead": revive_the_dead,
    "never back off": never_back_off,
    "tell under many names": tell_under_many_names,
    "lock Trials first": lock_trials_first,
    "tell inside the transaction": tell_inside_the_transaction,
    "fold what comes after the end": fold_what_comes_after_the_end,
    "forget what was decided": forget_what_was_decided,
}
