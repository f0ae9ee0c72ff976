"""Long-lived processes of a deployment: a runner, a clock; any number of each side by side."""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from functions.catalog import EXTERNAL_QUEUE, SUBSCRIPTIONS, launch_queues
from functions.observation.tokens import Tokens
from functions.ports import Host
from infra.broker.opening import open_broker
from infra.broker.port import Broker
from infra.runtime import Runtime
from infra.settings import RUNNER_TARGETS, Settings
from infra.store.engine import SQLStores
from infra.store.opening import open_engine
from infra.store.schema import require_head
from infra.target.process import ProcessTarget
from infra.target.worker_environment import PushAccess
from infra.wiring import Wiring
from local_runner.clock import repeat, tick
from local_runner.directory import RunnerDirectory
from local_runner.health import serve_health
from local_runner.loops import Loops, wire
from local_runner.supervisor import Supervisor

log = logging.getLogger("kuttab.deployment")

YOUNG_OBJECTS = 20_000
"""Between two looks for garbage: a batch of events makes some thousands, nearly all of which reference counts free."""


def deployment_queues() -> list[str]:
    """Return the queues that a deployment declares; that of a selector is made when it is first used."""
    names = [it.queue for it in SUBSCRIPTIONS if it.queue != "trial-launch"]
    return [*names, EXTERNAL_QUEUE, *launch_queues(RUNNER_TARGETS)]


async def run_runner(settings: Settings) -> None:
    """Consume every function's queue and run process Workers, until SIGTERM or SIGINT; Workers live on."""
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(RunnerDirectory(settings.directory))
        engine = open_engine(settings)
        stack.push_async_callback(engine.dispose)
        await require_head(engine)
        labels, kinds = settings.label_map, settings.target_kinds
        broker = await open_broker(settings.broker, deployment_queues())
        stack.push_async_callback(broker.close)
        host = Host(settings.host or directory.host_name(), slots=settings.slots, labels=labels)
        push = PushAccess(settings.push_broker or settings.broker, Tokens(settings.secret))
        target = ProcessTarget(directory.workers, push=push)
        wiring = wire(SQLStores(engine), target, host, settings, broker)
        _load_everything(wiring)
        supervisor = Supervisor(wiring, broker, target, host)
        await supervisor.look()
        loops = Loops(Runtime(wiring, broker), broker, supervisor, settings)
        stack.push_async_callback(loops.stop)
        loops.start(has_clock=False)
        await _until_stopped(stack, settings, lambda: loops.failures, name=f"runner {host.name} for {', '.join(kinds)}")


def _load_everything(wiring: Wiring) -> None:
    """Import the functions before the first message waits for them; what is loaded now is garbage never again."""
    for subscription in SUBSCRIPTIONS:
        wiring.bind(subscription.function)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


async def run_clock(settings: Settings) -> None:
    """Tick until SIGTERM or SIGINT; several clocks only tick more often."""
    async with AsyncExitStack() as stack:
        broker = await open_broker(settings.broker, deployment_queues())
        stack.push_async_callback(broker.close)
        ticking = asyncio.create_task(_tick(broker, settings))
        stack.callback(ticking.cancel)
        await _until_stopped(stack, settings, lambda: ["the clock has stopped"] if ticking.done() else [], name="clock")


async def _tick(broker: Broker, settings: Settings) -> None:
    await repeat(lambda: tick(broker), seconds=settings.tick_seconds)


async def _until_stopped(
    stack: AsyncExitStack, settings: Settings, problems: Callable[[], Sequence[str]], *, name: str
) -> None:
    """Answer for the process's health until a signal asks it to stop."""
    if settings.health_port:
        server = await serve_health(settings.health_port, problems)
        stack.callback(server.close)
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    log.info("is at work", extra={"role": name})
    await asked.wait()
    log.info("stops: what is in hand is finished", extra={"role": name})
