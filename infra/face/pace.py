"""SystemPace: the time of this machine."""

import asyncio
from datetime import UTC, datetime


class SystemPace:
    """The port `Pace`."""

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
