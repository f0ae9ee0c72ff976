"""Hosts that have gone silent: suspected first, lost when they are silent still an interval later."""

from functions.limits import Limits
from functions.ports import Stores


async def lose_silent_hosts(stores: Stores, limits: Limits) -> None:
    """Mark lost hosts; their Trials become due, and are launched again elsewhere."""
    async with stores.begin() as store:
        for name in await store.suspect_hosts(limits.host_silence_seconds):
            await store.lose_host(name)
        await store.delete_tombstones(limits.tombstone_seconds, limits.page_count)
        await store.forget_launch_queues(limits.launch_queue_seconds)
