"""SystemPace: the time of this machine, until its process is asked to stop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(slots=True)
class SystemPace:
    """The port `Pace`."""

    asks: Callable[[], bool] = lambda: False
    """Tells whether somebody has asked the process to stop."""

    @property
    def is_stopping(self) -> bool:
        """Whether this process wants to end."""
        return self.asks()

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
