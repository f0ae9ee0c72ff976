"""One seed's world: processes that run the real functions, hosts with Workers, clients, and the passing of time."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

from events.envelope import Event, decode
from events.experiment import (
    Budget,
    ClockTicked,
    ExperimentCreated,
    ExperimentDeleteRequested,
    ExperimentEdited,
    ExperimentFinished,
    ExperimentStopRequested,
)
from events.observation import MetricPoint, MetricRange
from events.reference import ExperimentRef, TrialRef
from events.trial import TargetKind, TrialCreated, TrialDeleteRequested, TrialFinished, WorkerOutcome
from functions.catalog import ANNOUNCED_TYPES, EXTERNAL_QUEUE, SUBSCRIPTIONS, Subscription, launch_queue
from functions.limits import Limits
from functions.ports import Host, Ledger
from functions.suggestion.searching import SearchError
from functions.worker import Worker
from infra.broker.port import Delivery
from infra.runtime import Runtime
from infra.store.engine import SQLStores, make_engine
from infra.store.mapping import metadata
from infra.target.external import ExternalTarget
from infra.target.simulated import Script, SimulatedTarget
from infra.wiring import Wiring
from local_runner.supervisor import Supervisor
from tests.simulation.chaos import (
    IN_TRANSACTION,
    ChaosBroker,
    ChaosStores,
    ChaosTarget,
    Clockwork,
    Crash,
    InjectedError,
    Message,
    Odds,
)
from tests.simulation.coverage import Sightings
from tests.simulation.driver import InstantConnection, open_raw
from tests.simulation.invariants import Inspector
from tests.simulation.pushers import Pushers
from tests.simulation.scenario import Plan, objective
from tests.simulation.searches import SpyHistories

T = TypeVar("T")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = Limits(
    search_lease_seconds=20,
    launch_lease_seconds=20,
    settle_grace_seconds=20,
    missing_grace_seconds=5,
    reread_grace_seconds=20,
    host_silence_seconds=15,
    external_timeout_seconds=600,
    nudge_base_seconds=5,
    nudge_cap_seconds=60,
    nudge_limit=12,
)
_FAILING_SHARE, _FAILED_TELLS = 0.2, 2
"""How often a sink cannot be reached, and how often in a row."""
HOSTS = ("host-a", "host-b")
FUNCTIONS = ("lambda-a", "lambda-b")


class SpyNotifier:
    """Remembers who was told what."""

    sinks = ("webhook", "mail")

    def __init__(self, world: "World", process: str) -> None:
        self._world = world
        self._process = process

    async def notify(self, sink: str, event: ExperimentFinished) -> None:
        assert not IN_TRANSACTION.get(), "a sink was told inside a transaction"
        await self._world.clockwork.gate(self._process)
        if self._world.fails_to_tell(sink, event):
            raise OSError("no route")
        self._world.inspector.note_notified(sink, event)


@dataclass(slots=True, kw_only=True)
class BreakableWiring(Wiring):
    """A wiring in which one handler may always raise."""

    broken_queue: str = ""

    async def run(self, subscription: Subscription, event: Event, store: Ledger | None = None) -> list[Event]:
        """Call the handler, unless it is the broken one."""
        if subscription.queue == self.broken_queue:
            raise InjectedError(subscription.queue)
        announced = await Wiring.run(self, subscription, event, store)
        unexpected = {it.type for it in announced}.difference(ANNOUNCED_TYPES[subscription.queue])
        assert not unexpected, f"the catalogue does not say that {subscription.queue} announces {unexpected}"
        return announced


class Process:
    """One process of ours: caches that die with it, and what it is doing."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.name = name
        self.broker = world.broker.client(name)
        self.is_alive = True
        self.is_looking = False
        self.restart()

    def restart(self) -> None:
        """Begin anew: nothing is remembered."""
        world, is_host = self.world, self.name in HOSTS
        stores = ChaosStores(world.stores, world.clockwork, self.name, world.inspector.check)
        simulated = ChaosTarget(world.cluster, world.clockwork, self.name, world.inspector.note_launched)
        local = world.local[self.name] if is_host else world.cluster
        process = ChaosTarget(local, world.clockwork, self.name, world.inspector.note_launched)
        host = Host(self.name, slots=2)
        targets = {TargetKind.SIMULATED: simulated, TargetKind.EXTERNAL: ExternalTarget(), TargetKind.PROCESS: process}
        wiring = BreakableWiring(
            broken_queue=world.broken_queue,
            stores=stores,
            targets=targets,
            host=host,
            limits=world.limits,
            offload=world.offload,
            caches={"histories": SpyHistories(world.inspector.note_history)},
            notifier=SpyNotifier(world, self.name),
        )
        self.runtime = Runtime(wiring, self.broker)  # type: ignore[arg-type]  # it consumes nothing here
        self.supervisor = Supervisor(wiring, self.broker, process, host) if is_host else None  # type: ignore[arg-type]
        self.is_alive, self.is_looking = True, False

    def reads(self, queue: str) -> bool:
        """Tell whether this process consumes the queue now."""
        if self.supervisor is not None:
            return queue == launch_queue(TargetKind.PROCESS) and self.supervisor.free_slots > 0
        return queue in _QUEUES


_QUEUES = {it.queue for it in SUBSCRIPTIONS if it.queue != "trial-launch"} | {launch_queue(TargetKind.SIMULATED)}


class World:
    """Everything of one seed."""

    def __init__(
        self, seed: int, plan: Plan, script: Callable[[Worker], Script], *, odds: Odds, broken_queue: str = ""
    ) -> None:
        self.seed, self.plan, self.limits, self.broken_queue = seed, plan, LIMITS, broken_queue
        self.clockwork = Clockwork(Random(f"world/{seed}"), EPOCH, odds)
        self.broker = ChaosBroker(self.clockwork)
        raw = open_raw()
        engine = make_engine("sqlite+aiosqlite://", async_creator=lambda *_, **__: _connected(raw))
        self.stores = SQLStores(engine, now=lambda: self.clockwork.now)
        self.inspector = Inspector(raw, self)
        self.sightings = Sightings(self)
        self.tries: dict[tuple[str, str], int] = {}
        self.skew = dict.fromkeys(HOSTS, timedelta(0))
        self.set_clocks()
        self.pushers = Pushers(self)
        self.cluster = SimulatedTarget(lambda: self.clockwork.now, script)
        self.local = {
            name: SimulatedTarget(lambda: self.clockwork.now, script, skew=self._skew_of(name)) for name in HOSTS
        }
        self.processes = {name: Process(self, name) for name in (*HOSTS, *FUNCTIONS)}
        self.tasks: set[asyncio.Task[None]] = set()
        self.uids = [f"uid-{seed}-{index}" for index in range(len(plan.experiments))]
        self.errors: list[BaseException] = []

    def set_clocks(self) -> None:
        """Let every host's clock be off by an hour or not at all."""
        self.skew = {name: timedelta(seconds=self.clockwork.rng.choice((-3600, 0, 0, 3600))) for name in HOSTS}

    def _skew_of(self, name: str) -> Callable[[], timedelta]:
        return lambda: self.skew[name]

    def fails_to_tell(self, sink: str, event: ExperimentFinished) -> bool:
        """Tell whether a sink cannot be reached now: at most twice for a completion, also when all else is calm."""
        tries = self.tries[sink, event.id] = self.tries.get((sink, event.id), 0) + 1
        fails = tries <= _FAILED_TELLS and Random(f"{self.seed}/{sink}/{event.id}/{tries}").random() < _FAILING_SHARE
        self.clockwork.faults += fails
        self.clockwork.happened["sinks that cannot be reached"] += fails
        return fails

    async def offload(self, work: Callable[[], T]) -> T:
        """Search in place, unless the algorithm raises in this world."""
        assert not IN_TRANSACTION.get(), "a search ran inside a transaction"
        if self.clockwork.rng.random() < self.plan.broken_search:
            self.clockwork.happened["searches that raise"] += 1
            raise SearchError("algorithm random: ValueError: by chance")
        return work()

    async def open(self) -> None:
        """Make the tables."""
        async with self.stores.engine.begin() as connection:
            await connection.run_sync(metadata.create_all)

    def start(self, process: Process, work: Coroutine[Any, Any, None]) -> None:
        """Let a process begin something; a crash of it ends all that the process does."""

        async def guarded() -> None:
            try:
                await work
            except Crash:
                self.crash(process)
            except asyncio.CancelledError:
                pass
            except BaseException as error:  # noqa: BLE001 - the simulation reports it
                self.errors.append(error)

        task = asyncio.get_running_loop().create_task(guarded())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def crash(self, process: Process) -> None:
        """End a process: what it held goes back to the broker, its caches are gone."""
        self.clockwork.kill(process.name)
        self.broker.give_back(process.name)
        process.restart()
        process.is_alive = self.clockwork.rng.random() < 0.7

    def lose_host(self, process: Process) -> None:
        """Let a whole machine vanish, with its Workers."""
        self.crash(process)
        process.is_alive = False
        self.local[process.name].lose_all()

    def deliver(self, process: Process) -> bool:
        """Hand a batch to a process; in any order."""
        rng = self.clockwork.rng
        due = self.broker.due(process.reads)
        if not due:
            return False
        queue = rng.choice(due).queue
        batch = [it for it in due if it.queue == queue]
        rng.shuffle(batch)
        batch = batch[: 1 if process.supervisor else rng.randint(1, 6)]
        for message in batch:
            message.holder = process.name
        self.start(process, self._process(process, batch))
        return True

    async def _process(self, process: Process, batch: list[Message]) -> None:
        keys = set()
        if process.supervisor is not None:
            events = [decode(message.body) for message in batch]
            keys = {(it.trial.uid, it.attempt) for it in events if isinstance(it, TrialCreated)}
            process.supervisor.launching |= keys
        self.sightings.note_delivered(batch)
        deliveries = [Delivery(it.queue, it.body, it.count, token=it) for it in batch]
        supervisor = process.supervisor
        await process.runtime.process(deliveries)
        if supervisor is not None:
            supervisor.note_launched(keys)

    def look(self, process: Process) -> None:
        """Let a host's supervisor make a round."""
        supervisor = process.supervisor
        if supervisor is not None and not process.is_looking:
            process.is_looking = True
            self.start(process, self._look(process, supervisor))

    async def _look(self, process: Process, supervisor: Supervisor) -> None:
        try:
            await supervisor.look()
        except Exception as error:
            if type(error).__name__ != "TransientError":
                raise
        process.is_looking = False

    def tick(self) -> None:
        """Publish a tick."""
        self.broker.put(ClockTicked(id=f"tick-{self.broker.published}", time=self.clockwork.now), is_safe=True)

    def serve_external(self) -> None:
        """Be the client of External Trials: answer, twice now and then, or forget."""
        for message in self.broker.due(lambda queue: queue == EXTERNAL_QUEUE):
            self.broker.messages.remove(message)
            event = decode(message.body)
            assert isinstance(event, TrialCreated)
            if not self.clockwork.chance(self.clockwork.odds.drop, "External Trials forgotten by their client"):
                self.broker.put(_answer(event, self.clockwork.now), delay_seconds=5, is_safe=True)

    def act(self, kind: str, index: int, data: tuple[Any, ...]) -> None:
        """Be a client; the first of the data says whether it knows the name only."""
        if kind == "trial_deleted":
            self._delete_trial(index)
            return
        ref = ExperimentRef(name=f"sim-{index}", uid="" if data and data[0] else self.uids[index])
        at = self.clockwork.now
        identity = {"id": f"client-{self.broker.published:06}", "time": at, "experiment": ref}
        events: dict[str, Callable[[], Event]] = {
            "created": lambda: ExperimentCreated(resource=self.plan.experiments[index], **identity),
            "stopped": lambda: ExperimentStopRequested(**identity),
            "deleted": lambda: ExperimentDeleteRequested(**identity),
            "edited": lambda: ExperimentEdited(
                budget=Budget(parallel_trial_count=data[1], max_trial_count=data[2]), **identity
            ),
        }
        self.broker.put(events[kind](), is_safe=True)

    def _delete_trial(self, index: int) -> None:
        """Be a client that deletes some Trial that it sees."""
        trials = self.inspector.rows("SELECT * FROM trials WHERE experiment_uid = ?", self.uids[index])
        if trials:
            trial = self.clockwork.rng.choice(trials)
            about = {"name": trial["name"], "uid": trial["uid"], "number": trial["number"]}
            ref = ExperimentRef(name=f"sim-{index}", uid=self.uids[index])
            identity = {"id": f"client-{self.broker.published:06}", "time": self.clockwork.now, "experiment": ref}
            self.broker.put(TrialDeleteRequested(trial=TrialRef(**about), **identity), is_safe=True)


async def _connected(raw: Any) -> InstantConnection:
    return InstantConnection(raw)


def _answer(event: TrialCreated, at: datetime) -> TrialFinished:
    loss = objective([assignment.value for assignment in event.parameter_assignments])
    point = MetricPoint(position=0, name="loss", value=str(loss))
    return TrialFinished(
        id=f"answer-{event.id}",
        time=at,
        experiment=event.experiment,
        trial=event.trial,
        attempt=event.attempt,
        outcome=WorkerOutcome.SUCCEEDED,
        ended_at=at,
        log_source="client",
        log_end=1,
        last_range=MetricRange(source="client", start=0, end=1, points=(point,)),
    )
