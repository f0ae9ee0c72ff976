"""The world's machinery: a scheduler that releases one step at a time, a broker that misbehaves, a store that fails."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from events.envelope import Event, encode
from functions.catalog import queue_of
from functions.errors import TransientError
from functions.ports import Ledger
from functions.worker import LogChunk, Worker, WorkerState
from infra.broker.port import Delivery
from infra.store.engine import SQLStores
from infra.target.simulated import SimulatedTarget

IN_TRANSACTION: ContextVar[bool] = ContextVar("in_transaction", default=False)
DELIVERY_LIMIT = 40
"""Crashes are far more frequent here than anywhere, so a message may meet more of them."""


class Crash(BaseException):
    """The process dies here."""


class InjectedError(Exception):
    """A bug that a test has put there."""


@dataclass
class Odds:
    """How often things go wrong; all zero is a calm world."""

    crash: float = 0.0
    transient: float = 0.0
    drop: float = 0.0
    double: float = 0.0
    delay: float = 0.0


@dataclass
class Clockwork:
    """Chance, time and the gates at which every step of every process waits for its turn."""

    rng: Random
    now: datetime
    odds: Odds = field(default_factory=Odds)
    faults: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    """What went wrong or came about, by its name: see `coverage.py`."""
    gates: list[tuple[str, "asyncio.Future[None]"]] = field(default_factory=list)

    def chance(self, odds: float, what: str) -> bool:
        """Decide, and count what goes wrong."""
        happens = odds > 0 and self.rng.random() < odds
        self.faults += happens
        self.happened[what] += happens
        return happens

    async def gate(self, process: str) -> None:
        """Wait for this process's turn; it may die here."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gates.append((process, turn))
        await turn
        if self.chance(self.odds.crash, "crashes between two steps"):
            raise Crash

    def release(self) -> bool:
        """Let one waiting step go on."""
        if not self.gates:
            return False
        _, turn = self.gates.pop(self.rng.randrange(len(self.gates)))
        if not turn.done():
            turn.set_result(None)
        return True

    def kill(self, process: str) -> None:
        """End every step of a process where it stands."""
        for name, turn in self.gates:
            if name == process:
                turn.cancel()
        self.gates = [(name, turn) for name, turn in self.gates if name != process]

    async def settle(self) -> None:
        """Run until everybody waits at a gate."""
        ready: Any = asyncio.get_running_loop()
        while ready._ready:  # noqa: ASYNC110 - the loop's own queue is what is waited for
            await asyncio.sleep(0)


@dataclass
class Message:
    """A message in the broker."""

    queue: str
    body: bytes
    due_at: datetime
    count: int = 1
    holder: str = ""


class ChaosBroker:
    """A broker that doubles, delays, reorders and loses; what clients publish it keeps, as confirms promise."""

    def __init__(self, clockwork: Clockwork) -> None:
        self.clockwork = clockwork
        self.messages: list[Message] = []
        self.dead: list[tuple[bytes, str]] = []
        self.published = 0
        self.types: dict[str, int] = {}

    def client(self, process: str) -> "BrokerClient":
        """Return a process's connection."""
        return BrokerClient(self, process)

    def put(self, event: Event, *, delay_seconds: float = 0.0, is_safe: bool = False) -> None:
        """Take a message, unless chance has it otherwise."""
        work = self.clockwork
        self.published += 1
        self.types[event.type] = self.types.get(event.type, 0) + 1
        if not is_safe and work.chance(work.odds.drop, "messages lost"):
            return
        for _ in range(2 if work.chance(work.odds.double, "messages doubled") else 1):
            late = work.rng.choice((1, 10, 60)) if work.chance(work.odds.delay, "messages late") else 0
            due = work.now + timedelta(seconds=delay_seconds + late)
            self.messages.append(Message(queue_of(event), encode(event), due))

    def due(self, is_for: Callable[[str], bool]) -> list[Message]:
        """Return what can be delivered now."""
        return [it for it in self.messages if not it.holder and it.due_at <= self.clockwork.now and is_for(it.queue)]

    def give_back(self, process: str) -> None:
        """Return what a dead process held."""
        for message in self.messages:
            if message.holder == process:
                message.holder, message.count = "", message.count + 1


class BrokerClient:
    """The port `Broker`, as one process sees it."""

    def __init__(self, broker: ChaosBroker, process: str) -> None:
        self._broker = broker
        self._process = process

    async def publish(self, events: Sequence[Event], *, delay_seconds: float = 0.0) -> None:
        assert not IN_TRANSACTION.get(), "an event was published inside a transaction"
        await self._broker.clockwork.gate(self._process)
        for event in events:
            is_client = not event.source.startswith("/kuttab/functions")
            self._broker.put(event, delay_seconds=delay_seconds, is_safe=is_client)
        await self._broker.clockwork.gate(self._process)

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        await self._broker.clockwork.gate(self._process)
        for delivery in deliveries:
            if delivery.token in self._broker.messages:
                self._broker.messages.remove(delivery.token)  # type: ignore[arg-type]

    async def nack(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            message = delivery.token
            assert isinstance(message, Message)
            message.holder, message.count = "", message.count + 1
            message.due_at = self._broker.clockwork.now + timedelta(seconds=1)
            if message.count > DELIVERY_LIMIT:
                await self.dead_letter(delivery, "delivery limit")
                await self.ack([delivery])

    async def postpone(self, delivery: Delivery, event: Event, *, delay_seconds: float) -> None:
        await self.publish([event], delay_seconds=delay_seconds)
        await self.ack([delivery])

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        self._broker.dead.append((delivery.body, reason))


class ChaosStores:
    """The port `Stores`: may fail before, and the process may die before or after the commit."""

    def __init__(self, stores: SQLStores, clockwork: Clockwork, process: str, check: Callable[[], None]) -> None:
        self._stores = stores
        self._clockwork = clockwork
        self._process = process
        self._check = check

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Ledger]:
        work = self._clockwork
        await work.gate(self._process)
        if work.chance(work.odds.transient, "transactions refused"):
            raise TransientError("deadlock")
        token = IN_TRANSACTION.set(True)
        try:
            async with self._stores.begin() as store:
                yield store
                if work.chance(work.odds.crash, "crashes before a commit"):
                    raise Crash
        finally:
            IN_TRANSACTION.reset(token)
        self._check()
        await work.gate(self._process)


class ChaosTarget:
    """A target with gates around each call; nothing outside the store is called inside a transaction."""

    def __init__(
        self, target: SimulatedTarget, clockwork: Clockwork, process: str, launched: Callable[..., None]
    ) -> None:
        self._target = target
        self._clockwork = clockwork
        self._process = process
        self._launched = launched

    async def _outside(self) -> None:
        assert not IN_TRANSACTION.get(), "a target was called inside a transaction"
        await self._clockwork.gate(self._process)

    async def launch(self, worker: Worker) -> str:
        await self._outside()
        is_new = not self._target.knows(worker)
        reference = await self._target.launch(worker)
        if is_new:
            self._launched(worker, self._target)
        await self._clockwork.gate(self._process)
        return reference

    async def look(self, worker: Worker) -> WorkerState:
        await self._outside()
        return await self._target.look(worker)

    async def read_log(self, worker: Worker, start: int, *, is_over: bool) -> LogChunk:
        await self._outside()
        return await self._target.read_log(worker, start, is_over=is_over)

    async def stop(self, worker: Worker) -> None:
        await self._outside()
        await self._target.stop(worker)

    async def remove(self, worker: Worker) -> None:
        await self._outside()
        await self._target.remove(worker)

    async def purge(self, trial_uid: str) -> None:
        await self._outside()
        await self._target.purge(trial_uid)

    async def list_workers(self) -> tuple[tuple[str, int], ...]:
        await self._outside()
        return await self._target.list_workers()
