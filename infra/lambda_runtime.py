"""Lambda's way in: one sandbox handles batch after batch on one event loop, one connection and one wiring."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import cache
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from events.trial import TargetKind
from functions.errors import KuttabError
from functions.observation.tokens import Tokens
from functions.ports import Handler, Host, Targets
from infra.broker.lambda_batch import LambdaBroker
from infra.broker.port import Delivery
from infra.broker.sqs import SQSBroker
from infra.broker.sqs_address import read_sqs_address
from infra.lambda_payload import read_payload
from infra.notifier import WebhookNotifier
from infra.runtime import Runtime
from infra.settings import Settings
from infra.store.engine import SQLStores
from infra.store.opening import one_line, open_engine
from infra.store.schema import require_head
from infra.target.absent import AbsentTarget
from infra.target.opening import open_targets
from infra.wiring import Wiring

log = logging.getLogger("kuttab.lambda")

ANSWER_SECONDS = 2.0
"""Kept of an invocation's time: to roll back what is unfinished, and to say so before Lambda kills the sandbox."""
GIVE_BACK_SECONDS = 1.0
"""Of that, for telling SQS that the unfinished shall come again soon; what it is not told waits for its visibility."""
_NO_RUNNER = "no host of this deployment runs such Workers: deploy it with Runners=yes and start a `kuttab runner`"
_NO_CLUSTER = f"{_NO_RUNNER}, or with EksCluster=NAME"


class ColdStartError(KuttabError):
    """The sandbox cannot begin: mend what the message says; the messages come again meanwhile."""


class UnhandledError(KuttabError):
    """A direct call was not handled: the log says why, and Lambda calls again."""


class Context(Protocol):
    """What is needed of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the time until the sandbox is killed."""
        ...


def handle_payload(handle: Handler, payload: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Handle what Lambda calls this function with; answer with the partial batch failures."""
    seconds = context.get_remaining_time_in_millis() / 1_000 - ANSWER_SECONDS
    return _sandbox().handle(handle.__module__, payload, seconds)


@cache
def _sandbox() -> "Sandbox":
    """Return this process's one sandbox: a frozen sandbox must find the loop of its connection when it thaws."""
    return Sandbox(Settings.load())


class Sandbox:
    """What is kept between invocations."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._prefix = read_sqs_address(settings.broker).prefix
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._opened: tuple[Wiring, SQSBroker] | None = None

    def handle(self, function: str, payload: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Handle a payload within its time. Raises ColdStartError, PayloadError, UnhandledError."""
        deliveries = read_payload(payload, function, prefix=self._prefix)
        failures = self._runner.run(self._handle(deliveries, seconds))
        if failures and "Records" not in payload:
            raise UnhandledError(f"{function} has not handled its event")
        return {"batchItemFailures": [{"itemIdentifier": it} for it in failures]}

    async def _handle(self, deliveries: Sequence[Delivery], seconds: float) -> list[str]:
        """Return the ids of what was not acked: what has failed, and what was unfinished when the time was up."""
        wiring, broker = await self._open()
        batch = LambdaBroker(broker, deliveries)
        try:
            async with asyncio.timeout(seconds) as limit:
                await Runtime(wiring, batch).process(deliveries)
        except TimeoutError:
            if not limit.expired():
                raise
            log.warning("ran out of time", extra={"unfinished": len(batch.unacked), "count": len(deliveries)})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GIVE_BACK_SECONDS):
                    await batch.nack_open()
        return batch.unacked

    async def _open(self) -> tuple[Wiring, SQSBroker]:
        """Connect at the first use; where that fails nothing is kept, and the next invocation tries again."""
        if self._opened is None:
            try:
                async with AsyncExitStack() as stack:
                    self._opened = await _open(self._settings, stack)
                    self._stack = stack.pop_all()
            except (KuttabError, SQLAlchemyError, OSError) as error:
                log.error("cannot begin", extra={"reason": one_line(error)})  # noqa: TRY400 - one line says it
                raise ColdStartError(one_line(error)) from error
        return self._opened

    def close(self) -> None:
        """Let go of the connections and the loop; Lambda itself never does."""
        self._runner.run(self._stack.aclose())
        self._runner.close()


async def connect(settings: Settings, stack: AsyncExitStack) -> tuple[AsyncEngine, SQSBroker]:
    """Open the database and the broker for as long as the stack."""
    engine = open_engine(settings, pool_size=1)
    stack.push_async_callback(engine.dispose)
    await require_head(engine)
    broker = await SQSBroker.connect(settings.broker)
    stack.push_async_callback(broker.close)
    return engine, broker


async def _open(settings: Settings, stack: AsyncExitStack) -> tuple[Wiring, SQSBroker]:
    engine, broker = await connect(settings, stack)
    wiring = Wiring(
        SQLStores(engine),
        targets=_targets(settings),
        host=Host("lambda"),
        limits=settings.limits,
        notifier=WebhookNotifier(settings.webhooks),
        tokens=Tokens(settings.secret),
    )
    return wiring, broker


def _targets(settings: Settings) -> Targets:
    """Return what can be reached from here; process Workers run on hosts, if the deployment has any."""
    reached = open_targets(settings)
    if not settings.eks_cluster:
        reached[TargetKind.KUBERNETES] = AbsentTarget(_NO_CLUSTER)
    return {TargetKind.PROCESS: AbsentTarget(_NO_RUNNER), **reached}
