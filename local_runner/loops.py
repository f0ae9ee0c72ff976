"""The loops of one process, embedded or long-lived: consumers, supervisor, clock; started together, ended in order."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from events.trial import TargetKind
from functions.catalog import BY_QUEUE, SUBSCRIPTIONS, launch_queue, launch_queues
from functions.observation.tokens import Tokens
from functions.ports import Host, Stores
from infra.broker.port import Broker
from infra.notifier import WebhookNotifier
from infra.offload import run_in_thread
from infra.runtime import Runtime
from infra.settings import Settings
from infra.target.opening import close_targets, open_targets
from infra.target.process import ProcessTarget
from infra.wiring import Wiring
from local_runner.clock import repeat, tick
from local_runner.consumers import Stopping, consume
from local_runner.launches import Launches
from local_runner.supervisor import Supervisor

SWEEP_SECONDS = 600.0
"""Between two looks for what deleted Experiments have left here; a host that was away looks when it starts."""
SELECTOR_SECONDS = 1.0
"""Between two questions whether somebody uses a new selector: its first Trial waits this long at most."""


def wire(stores: Stores, target: ProcessTarget, host: Host, settings: Settings, broker: Broker) -> Wiring:
    """Return the ports of a process that can run process Workers."""
    return Wiring(
        stores=stores,
        targets={TargetKind.PROCESS: target, **open_targets(settings, broker.publish)},
        host=host,
        tokens=Tokens(settings.secret),
        limits=settings.limits,
        offload=run_in_thread,
        notifier=WebhookNotifier(settings.webhooks),
    )


class Loops:
    """Everything that a process does over and over."""

    def __init__(self, runtime: Runtime, broker: Broker, supervisor: Supervisor, settings: Settings) -> None:
        self.runtime = runtime
        self._broker = broker
        self._supervisor = supervisor
        self._settings = settings
        self._stopping = Stopping()
        self._launches = Launches(runtime, broker, supervisor, self._stopping)
        self._consumers: list[asyncio.Task[None]] = []
        self._rounds: list[asyncio.Task[None]] = []

    def start(self, *, has_clock: bool) -> None:
        """Consume every function's queue, look after the Workers, and tick where this process is the clock too."""
        broker, settings, stopping = self._broker, self._settings, self._stopping
        work: list[Coroutine[Any, Any, None]] = [
            consume(it, self.runtime, broker, settings, stopping) for it in SUBSCRIPTIONS if it.queue != "trial-launch"
        ]
        remote = launch_queues(it for it in settings.target_kinds if it != TargetKind.PROCESS)
        launches = (replace(BY_QUEUE["trial-launch"], queue=queue) for queue in remote)
        work += [consume(it, self.runtime, broker, settings, stopping) for it in launches]
        if TargetKind.PROCESS in settings.target_kinds:
            work.append(self._launches.consume(launch_queue(TargetKind.PROCESS)))
            follow = partial(self._launches.follow_selectors, self._supervisor.wiring.stores)
            self.add_round(repeat(follow, seconds=SELECTOR_SECONDS))
        self._consumers = [asyncio.create_task(it) for it in work]
        self.add_round(repeat(self._supervisor.look, seconds=settings.supervise_seconds))
        self.add_round(repeat(self._supervisor.sweep, seconds=SWEEP_SECONDS))
        if has_clock:
            self.add_round(repeat(lambda: tick(broker), seconds=settings.tick_seconds))

    def add_round(self, work: Coroutine[Any, Any, None]) -> None:
        """Start something that goes round until the end."""
        self._rounds.append(asyncio.create_task(work))

    @property
    def failures(self) -> Sequence[str]:
        """Name what has ended and should not have: a consumer ends only by a bug or a broker that is gone for good."""
        ended = (task for task in self._consumers if task.done() and not task.cancelled())
        return [repr(task.exception()) for task in ended if task.exception() is not None]

    async def stop(self) -> None:
        """Take nothing new, finish what is in hand within its time, then end the rest: nothing of it is lost."""
        self._stopping.set()
        await _end(self._rounds, seconds=0)
        seconds = self._settings.stop_seconds
        await asyncio.gather(_end(self._consumers, seconds=seconds), self._launches.stop(seconds=seconds))
        await close_targets(self._supervisor.wiring.targets)


async def _end(tasks: Sequence[asyncio.Task[None]], *, seconds: float) -> None:
    if tasks and seconds:
        await asyncio.wait(tasks, timeout=seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
