"""A token bucket: so many calls a second, with a small burst, in the order of asking."""

import asyncio
import time
from collections.abc import Awaitable, Callable

BURST_SECONDS = 0.2
"""Of unused time that may be made up for at once: a full second's burst would be throttled at its second half."""


class TokenBucket:
    """Lets callers through at a rate."""

    def __init__(
        self,
        rate_per_second: float,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._interval = 1.0 / rate_per_second
        self._now = now
        self._sleep = sleep
        self._next_at = now()

    async def take(self) -> None:
        """Return when it is this caller's turn."""
        now = self._now()
        turn = max(self._next_at, now - BURST_SECONDS)
        self._next_at = turn + self._interval
        if turn > now:
            await self._sleep(turn - now)
