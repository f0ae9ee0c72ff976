"""EmbeddedRunner: broker, store, functions, Workers and clock in one process, for one directory."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from events.envelope import Event
from events.experiment import ExperimentCreated, ExperimentStopRequested
from functions.errors import KuttabError
from functions.experiment.model import Experiment
from functions.observation.tokens import Tokens
from functions.ports import Host
from infra.broker.inbox import Inbox
from infra.broker.memory import MemoryBroker
from infra.runtime import Runtime
from infra.settings import RUNNER_TARGETS, Settings
from infra.store.engine import SQLStores, make_engine
from infra.store.reader import SQLReader
from infra.store.schema import upgrade
from infra.target.process import ProcessTarget
from infra.target.worker_environment import PushAccess
from infra.wiring import Wiring
from local_runner.clock import repeat
from local_runner.directory import RunnerDirectory
from local_runner.loops import Loops, wire
from local_runner.supervisor import Supervisor

_INBOX_SECONDS = 0.2
_WATCH_SECONDS = 0.1
_STOP_SECONDS = 60.0
"""How long a stop waits for the Workers to be gone: their own grace is at most part of it."""


class StopTimeoutError(KuttabError):
    """Workers were told to stop and did not in time: `kuttab resume` looks after them again."""


class ExperimentDeletedError(KuttabError):
    """Somebody deleted the Experiment that was waited for."""


class EmbeddedRunner:
    """An async context manager: leaving it detaches, the Workers live on and a later runner adopts them."""

    def __init__(self, settings: Settings, *, on_event: Callable[[Event], None] | None = None) -> None:
        """`on_event` hears every event that is published in this process."""
        self._settings = settings
        self._on_event = on_event
        self._stack = AsyncExitStack()
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Lock the directory, bring its database up to date, adopt its Workers, start to consume."""
        async with AsyncExitStack() as stack:
            directory = stack.enter_context(RunnerDirectory(self._settings.directory))
            engine = make_engine(self._settings.database_url)
            stack.push_async_callback(engine.dispose)
            await upgrade(engine)
            self.reader = SQLReader(engine)
            self._inbox = Inbox(directory.inbox)
            self.broker = MemoryBroker(on_publish=self._hear, on_dead_letter=directory.keep_dead_letter)
            stack.push_async_callback(self.broker.close)
            host = Host(directory.host_name(), slots=self._settings.slots, labels=self._settings.label_map)
            secret = self._settings.secret or directory.secret()
            settings = replace(self._settings, secret=secret, targets=RUNNER_TARGETS)
            inbox = f"filesystem://{directory.inbox.absolute()}"
            push = PushAccess(settings.push_broker or inbox, Tokens(settings.secret))
            target = ProcessTarget(directory.workers, push=push)
            wiring = wire(SQLStores(engine), target, host, settings, self.broker)
            supervisor = Supervisor(wiring, self.broker, target, host)
            await _take_over(wiring, supervisor)
            loops = Loops(Runtime(wiring, self.broker), self.broker, supervisor, settings)
            stack.push_async_callback(loops.stop)
            loops.start(has_clock=True)
            loops.add_round(repeat(lambda: self._drain(loops.runtime), seconds=_INBOX_SECONDS))
            self._stack = stack.pop_all()
        return self

    async def _drain(self, runtime: Runtime) -> None:
        """Handle what other programs have left in the inbox."""
        if deliveries := self._inbox.drain():
            await runtime.process(deliveries)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Detach: what is in hand is rolled back or done, and nothing of it is lost."""
        await self._stack.aclose()

    def _hear(self, event: Event) -> None:
        self._changed.set()
        if self._on_event:
            self._on_event(event)

    async def submit(self, event: ExperimentCreated) -> None:
        """Publish a new Experiment."""
        await self.publish([event])

    async def publish(self, events: Sequence[Event]) -> None:
        """Publish events of a client."""
        await self.broker.publish(events)

    async def wait_until_finished(self, uid: str) -> Experiment:
        """Return the Experiment when it is completed and none of its Trials is active any more.

        Raises ExperimentDeletedError where it is deleted meanwhile.
        """
        is_known = False
        while True:
            experiment = await self.reader.experiment_of_uid(uid)
            if (is_known and experiment is None) or (experiment is not None and experiment.deleted_at):
                message = f"the Experiment {uid} was deleted"
                raise ExperimentDeletedError(message)
            is_known = experiment is not None
            if experiment is not None and experiment.is_completed and not experiment.active_count:
                return experiment
            await self._wait_for_change()

    async def _wait_for_change(self) -> None:
        """Wait until something was published, and look again after a moment in any case."""
        self._changed.clear()
        try:
            async with asyncio.timeout(1.0):
                await self._changed.wait()
        except TimeoutError:
            return
        await asyncio.sleep(_WATCH_SECONDS)

    async def stop_workers(self, uid: str) -> None:
        """Stop the Experiment, and return when its Workers are gone. Raises StopTimeoutError."""
        experiment = await self.reader.experiment_of_uid(uid)
        if experiment is None:
            return
        await self.publish([ExperimentStopRequested(experiment=experiment.ref)])
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self.wait_until_finished(uid)
        except TimeoutError as error:
            message = f"Workers of {experiment.name} are still alive after {_STOP_SECONDS:g} s"
            raise StopTimeoutError(message) from error


async def _take_over(wiring: Wiring, supervisor: Supervisor) -> None:
    """Adopt Workers, and begin anew what a killed runner was searching: the directory's lock says that it was one."""
    async with wiring.stores.begin() as store:
        await store.end_searches()
    await supervisor.look()
