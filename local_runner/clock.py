"""The local clock and the supervisor's beat: loops with a pause, that outlive every error of a round."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from events.experiment import ClockTicked
from functions.errors import TransientError
from infra.broker.port import Broker, BrokerError

log = logging.getLogger("kuttab.clock")


async def repeat(work: Callable[[], Awaitable[None]], *, seconds: float) -> None:
    """Do the work for ever, with a pause after each round; a round that fails is logged and the next one comes."""
    while True:
        try:
            await work()
        except (TransientError, BrokerError) as error:
            log.info("a round has to wait", extra={"reason": str(error)})
        except Exception:
            log.exception("a round failed")
        await asyncio.sleep(seconds)


async def tick(broker: Broker) -> None:
    """Publish one tick."""
    await broker.publish([ClockTicked(source="/kuttab/clock")])
