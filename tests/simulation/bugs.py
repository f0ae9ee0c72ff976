"""Bugs that a test plants, one at a time: each breaks one rule of the protocol, and the simulation must see it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from unittest.mock import patch

from events.envelope import Event
from events.observation import MetricRange
from events.reference import TrialEvent
from functions.catalog import Subscription
from functions.ports import Ledger, Store
from functions.suggestion import applying
from functions.suggestion.model import Suggestion
from functions.trial.model import Trial
from infra import runtime
from infra.runtime import Runtime
from infra.wiring import Wiring


def publish_before_commit() -> AbstractContextManager[object]:
    """Let the runtime publish while the transaction is open, and nothing afterwards."""

    async def run(self: Runtime, group: list[runtime._Item]) -> list[Event]:
        first = group[0]
        if not first.subscription.is_grouped:
            return runtime._distinct(await self._wiring.run(first.subscription, first.event))
        announced: list[Event] = []
        async with self._wiring.stores.begin() as store:
            await runtime._lock(group, store)
            for item in group:
                announced += await self._wiring.run(item.subscription, item.event, store)
            await self._broker.publish(runtime._distinct(announced))
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

    async def record(points: MetricRange, trial: Trial, store: Store) -> bool:
        if not trial.is_active or points.end <= trial.cursor:
            return False
        if points.source != trial.log_source:
            trial.begin_source(points.source)
        await store.add_points(trial, points)
        trial.fold = trial.fold.add(points.points)
        trial.cursor = points.end
        return True

    stack = ExitStack()
    stack.enter_context(patch("functions.observation.record.record_range", record))
    stack.enter_context(patch("functions.trial.closing.record_range", record))
    return stack


BUGS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "publish before commit": publish_before_commit,
    "ack before publish": ack_before_publish,
    "forget the lease": forget_the_lease,
    "ignore the attempt": ignore_the_attempt,
    "skip a cursor gap": skip_a_cursor_gap,
}
