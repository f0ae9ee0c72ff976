"""EmbeddedRunner: broker, store, functions, Workers and clock in one process, for one directory."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from events.envelope import Event
from events.experiment import ExperimentCreated, ExperimentStopRequested
from events.trial import TargetKind
from functions.catalog import SUBSCRIPTIONS, launch_queue
from functions.errors import KuttabError
from functions.experiment.model import Experiment
from functions.ports import Host
from infra.broker.inbox import Inbox
from infra.broker.memory import MemoryBroker
from infra.notifier import WebhookNotifier
from infra.offload import run_in_thread
from infra.runtime import Runtime
from infra.settings import Settings
from infra.store.engine import SQLStores, make_engine
from infra.store.reader import SQLReader
from infra.store.schema import upgrade
from infra.target.external import ExternalTarget
from infra.target.process import ProcessTarget
from infra.wiring import Wiring
from local_runner.clock import repeat, tick
from local_runner.consumers import consume, consume_launches
from local_runner.directory import RunnerDirectory
from local_runner.supervisor import Supervisor

_INBOX_SECONDS = 0.2
_WATCH_SECONDS = 0.1
_STOP_SECONDS = 60.0
"""How long a stop waits for the Workers to be gone: their own grace is at most part of it."""


class StopTimeoutError(KuttabError):
    """Workers were told to stop and did not in time: `kuttab resume` looks after them again."""


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
            self._target = ProcessTarget(directory.workers)
            host = Host(directory.host_name(), slots=self._settings.slots)
            self._wiring = self._wire(SQLStores(engine), host)
            self._supervisor = Supervisor(self._wiring, self.broker, self._target, host)
            await self._supervisor.look()
            stack.push_async_callback(self._cancel, [asyncio.create_task(it) for it in self._loops()])
            self._stack = stack.pop_all()
        return self

    def _wire(self, stores: SQLStores, host: Host) -> Wiring:
        return Wiring(
            stores=stores,
            targets={TargetKind.PROCESS: self._target, TargetKind.EXTERNAL: ExternalTarget()},
            host=host,
            limits=self._settings.limits,
            offload=run_in_thread,
            notifier=WebhookNotifier(self._settings.webhooks),
        )

    def _loops(self) -> Sequence[Coroutine[None, None, None]]:
        settings, runtime = self._settings, Runtime(self._wiring, self.broker)
        launches = consume_launches(launch_queue(TargetKind.PROCESS), runtime, self.broker, self._supervisor)
        return [
            *(consume(it, runtime, self.broker, settings) for it in SUBSCRIPTIONS if it.queue != "trial-launch"),
            launches,
            repeat(self._supervisor.look, seconds=settings.supervise_seconds),
            repeat(lambda: tick(self.broker), seconds=settings.tick_seconds),
            repeat(lambda: self._drain(runtime), seconds=_INBOX_SECONDS),
        ]

    async def _drain(self, runtime: Runtime) -> None:
        """Handle what other programs have left in the inbox."""
        if deliveries := self._inbox.drain():
            await runtime.process(deliveries)

    @staticmethod
    async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

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
        """Return the Experiment when it is completed and none of its Trials is active any more."""
        while True:
            experiment = await self.reader.experiment_of_uid(uid)
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
