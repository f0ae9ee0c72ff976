"""The last lines of Workers that this process stops: a stop deletes the pod, and its log goes with it."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace

from functions.worker import LogChunk

Key = tuple[str, int]
"""(trial uid, attempt)"""
Read = Callable[[int], Awaitable[LogChunk]]
"""Reads a chunk of the Worker's log from a position on."""

WORKERS = 100
"""Whose last lines are kept: from a stop until a watcher asks, which is at once."""
_CHUNKS = 4
"""A megabyte: of a Worker that writes more between two looks the rest is lost."""
_STARTS = 10_000


class LastLines:
    """Kept in memory, in bounds: another process that looks later finds the log gone, as without them."""

    def __init__(self) -> None:
        self._starts: OrderedDict[Key, int] = OrderedDict()
        self._chunks: OrderedDict[Key, LogChunk] = OrderedDict()

    def note_start(self, key: Key, start: int) -> None:
        """Note from where a watcher last asked: everything before that it has published."""
        self._starts[key] = start
        self._starts.move_to_end(key)
        while len(self._starts) > _STARTS:
            self._starts.popitem(last=False)

    async def keep(self, key: Key, read: Read) -> None:
        """Read what a watcher may not have seen yet."""
        start = self._starts.get(key, 0)
        whole = await read(start)
        for _ in range(_CHUNKS - 1):
            if not whole.has_more:
                break
            more = await read(whole.end)
            whole = replace(more, start=start, lines=(*whole.lines, *more.lines))
        self._chunks[key] = replace(whole, has_more=False)
        while len(self._chunks) > WORKERS:
            self._chunks.popitem(last=False)

    def find(self, key: Key, start: int) -> LogChunk | None:
        """Return what was kept from this position on; None where that does not reach back so far."""
        kept = self._chunks.get(key)
        if kept is None or not kept.start <= start:
            return None
        lines = tuple(line for line in kept.lines if line.position >= start)
        return LogChunk(kept.source, start, max(start, kept.end), lines)

    def forget(self, key: Key) -> None:
        """Forget a Worker that is gone for good."""
        self._starts.pop(key, None)
        self._chunks.pop(key, None)
