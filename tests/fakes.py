"""Fakes of what lies outside, and `House`: the real functions on the real store with those fakes around them."""

import sqlite3
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from events.envelope import Event
from events.experiment import ExperimentFinished
from events.trial import TargetKind
from functions.catalog import ANNOUNCED_TYPES, queue_of, subscription_of
from functions.experiment.model import Experiment
from functions.limits import Limits
from functions.observation.collectors.lines import split_lines
from functions.ports import Host, Ledger
from functions.trial.model import Trial
from functions.worker import LaunchRefusedError, LogChunk, Worker, WorkerPhase, WorkerState
from infra.broker.port import BrokerError, Delivery
from infra.store.engine import SQLStores, make_engine
from infra.store.mapping import metadata
from infra.store.reader import SQLReader
from infra.target.external import ExternalTarget
from infra.wiring import Wiring
from tests.builders import EPOCH, UID, a_created_event, a_reference, seconds
from tests.simulation.driver import InstantConnection, open_raw

Key = tuple[str, int]


class FakeClock:
    """Time that passes when a test says so."""

    def __init__(self, now: datetime = EPOCH) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, count: float) -> None:
        self.now += seconds(count)


class FakeTarget:
    """A target whose Workers do what a test says; it keeps a list of every call."""

    def __init__(self) -> None:
        self.states: dict[Key, WorkerState] = {}
        self.logs: defaultdict[Key, bytes] = defaultdict(bytes)
        self.launched: list[Key] = []
        self.stopped: list[Key] = []
        self.removed: list[Key] = []
        self.reads: list[int] = []
        """Where each reading of a log began."""
        self.refusal: LaunchRefusedError | None = None
        self.during_launch: Callable[[], Any] | None = None
        """Called, and awaited, while a launch is under way."""

    async def launch(self, worker: Worker) -> str:
        if self.refusal:
            raise self.refusal
        self.launched.append(_key(worker))
        self.states[_key(worker)] = WorkerState(WorkerPhase.RUNNING)
        if self.during_launch:
            await self.during_launch()
        return f"fake/{worker.trial.number}/{worker.attempt}"

    async def look(self, worker: Worker) -> WorkerState:
        return self.states.get(_key(worker), WorkerState(WorkerPhase.MISSING))

    async def read_log(self, worker: Worker, start: int, *, is_over: bool) -> LogChunk:
        self.reads.append(start)
        lines, end = split_lines(self.logs[_key(worker)][start:], start, is_over=is_over)
        return LogChunk("log", start, end, lines)

    async def stop(self, worker: Worker) -> None:
        self.stopped.append(_key(worker))

    async def remove(self, worker: Worker) -> None:
        self.removed.append(_key(worker))
        self.states.pop(_key(worker), None)

    async def list_workers(self) -> tuple[Key, ...]:
        return tuple(key for key, state in self.states.items() if not state.is_over)

    def write(self, trial: Trial, text: str) -> None:
        """Let the Trial's Worker print."""
        self.logs[trial.uid, trial.attempt] += text.encode()

    def end(self, trial: Trial, exit_code: int = 0, *, at: datetime | None = None) -> None:
        """Let the Trial's Worker end."""
        phase = WorkerPhase.FAILED if exit_code else WorkerPhase.SUCCEEDED
        self.states[trial.uid, trial.attempt] = WorkerState(phase, exit_code, ended_at=at)

    def lose(self, trial: Trial) -> None:
        """Let the Trial's Worker vanish."""
        self.states.pop((trial.uid, trial.attempt), None)


def _key(worker: Worker) -> Key:
    return (worker.trial.uid, worker.attempt)


class FakeNotifier:
    """Remembers who was told what; can be out of order."""

    def __init__(self, sinks: Sequence[str] = ("webhook",)) -> None:
        self.sinks = tuple(sinks)
        self.told: list[tuple[str, str]] = []
        self.is_broken = False

    async def notify(self, sink: str, event: ExperimentFinished) -> None:
        if self.is_broken:
            raise OSError("no route")
        self.told.append((sink, event.id))


class FakeBroker:
    """Keeps a list of all that the runtime asks of a broker, in order."""

    def __init__(self, steps: list[str] | None = None) -> None:
        self.steps = steps if steps is not None else []
        self.published: list[tuple[Event, float]] = []
        self.acked: list[Delivery] = []
        self.nacked: list[Delivery] = []
        self.dead: list[tuple[Delivery, str]] = []
        self.confirms = True

    async def publish(self, events: Sequence[Event], *, delay_seconds: float = 0.0) -> None:
        if not self.confirms:
            raise BrokerError("no confirm")
        self.steps.append("publish")
        self.published += [(event, delay_seconds) for event in events]

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        self.steps.append("ack")
        self.acked += deliveries

    async def nack(self, deliveries: Sequence[Delivery]) -> None:
        self.steps.append("nack")
        self.nacked += deliveries

    async def postpone(self, delivery: Delivery, event: Event, *, delay_seconds: float) -> None:
        await self.publish([event], delay_seconds=delay_seconds)
        await self.ack([delivery])

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        if not self.confirms:
            raise BrokerError("no confirm")
        self.steps.append("dead-letter")
        self.dead.append((delivery, reason))


class WatchedStores:
    """Real stores that write down their commits, and fail when a test says so."""

    def __init__(self, stores: SQLStores, steps: list[str]) -> None:
        self._stores = stores
        self.steps = steps
        self.failures: deque[Exception] = deque()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Ledger]:
        async with self._stores.begin() as store:
            yield store
            if self.failures:
                raise self.failures.popleft()
        self.steps.append("commit")


async def open_memory_stores(raw: sqlite3.Connection, now: Callable[[], datetime]) -> SQLStores:
    """Return stores on this database, with its tables made."""

    async def connect(*_: Any, **__: Any) -> InstantConnection:
        return InstantConnection(raw)

    stores = SQLStores(make_engine("sqlite+aiosqlite://", async_creator=connect), now=now)
    async with stores.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    return stores


class House:
    """Every function with the real store on a database in memory, and fakes for the rest of the world."""

    def __init__(self, raw: sqlite3.Connection, stores: SQLStores, clock: FakeClock, limits: Limits) -> None:
        self.raw, self.stores, self.clock, self.limits = raw, stores, clock, limits
        self.target = FakeTarget()
        self.notifier = FakeNotifier()
        self.reader = SQLReader(stores.engine)
        self.wiring = self.wire()

    def wire(self, host: str = "host-a") -> Wiring:
        """Return the ports of a process that has just started."""
        fake = dict.fromkeys((TargetKind.PROCESS, TargetKind.SIMULATED, TargetKind.KUBERNETES), self.target)
        return Wiring(
            stores=self.stores,
            targets={**fake, TargetKind.EXTERNAL: ExternalTarget()},
            host=Host(host, slots=4),
            limits=self.limits,
            notifier=self.notifier,
        )

    def restart(self, host: str = "host-a") -> None:
        """Forget what a process remembers."""
        self.wiring = self.wire(host)

    async def handle(self, event: Event) -> list[Event]:
        """Handle one event as the runtime does, and return what it announces."""
        subscription = subscription_of(queue_of(event))
        assert subscription is not None, f"{event.type} is nobody's here"
        if subscription.is_grouped:
            async with self.stores.begin() as store:
                announced = await self.wiring.run(subscription, event, store)
        else:
            announced = await self.wiring.run(subscription, event)
        unexpected = {it.type for it in announced}.difference(ANNOUNCED_TYPES[subscription.queue])
        assert not unexpected, f"the catalogue does not say that {subscription.queue} announces {unexpected}"
        return announced

    async def play(self, *events: Event, hold: Sequence[type[Event]] = ()) -> list[Event]:
        """Handle the events and all that follows, in order; events of the types to hold are returned instead."""
        waiting, held = deque(events), []
        for _ in range(1_000):
            if not waiting:
                return held
            event = waiting.popleft()
            if isinstance(event, tuple(hold)) or subscription_of(queue_of(event)) is None:
                held.append(event)
            else:
                waiting += await self.handle(event)
        raise AssertionError("messages beget messages without end")

    async def start(self, **manifest: Any) -> Sequence[Trial]:
        """Admit an Experiment and launch its first Trials; return them."""
        await self.play(a_created_event(**manifest))
        return await self.trials()

    async def experiment(self, uid: str = UID) -> Experiment:
        found = await self.find_experiment(uid)
        assert found is not None, f"there is no Experiment {uid}"
        return found

    async def find_experiment(self, uid: str = UID) -> Experiment | None:
        async with self.stores.begin() as store:
            return await store.experiment(a_reference(uid))

    async def trial(self, number: int = 1, uid: str = UID) -> Trial:
        async with self.stores.begin() as store:
            found = await store.trial(uid, number)
        assert found is not None, f"there is no Trial {number}"
        return found

    async def trials(self, uid: str = UID) -> Sequence[Trial]:
        return await self.reader.all_trials(uid)

    async def change(self, number: int = 1, uid: str = UID, **fields: Any) -> Trial:
        """Set fields of a Trial behind everybody's back."""
        async with self.stores.begin() as store:
            trial = await store.trial(uid, number, lock=True)
            assert trial is not None
            for name, value in fields.items():
                assert hasattr(trial, name), name
                setattr(trial, name, value)
        return trial

    def rows(self) -> Mapping[str, list[tuple[Any, ...]]]:
        """Return everything that the store holds."""
        tables = [table.name for table in metadata.sorted_tables]
        return {name: sorted(self.raw.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}


async def open_house(limits: Limits | None = None) -> House:
    clock, raw = FakeClock(), open_raw()
    return House(raw, await open_memory_stores(raw, clock), clock, limits or Limits())
