"""How long a Worker has written nothing, by a clock that neither jumps nor runs while the host sleeps."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path


class SilenceWatch:
    """Remembers how large each Worker's files were, and since when; a runner that comes back begins anew."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seen: dict[Path, tuple[tuple[int, ...], float]] = {}

    def seconds(self, key: Path, files: Iterable[Path]) -> float:
        """Return for how long none of the files has grown or changed, as far as this process has seen."""
        state = tuple(part for path in files for part in _state(path))
        known = self._seen.get(key)
        if known is None or known[0] != state:
            self._seen[key] = known = (state, self._now())
        return self._now() - known[1]

    def forget(self, key: Path) -> None:
        """Forget a Worker that is gone."""
        self._seen.pop(key, None)


def _state(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116 - called for every Worker several times a second
    except OSError:
        return (0, 0)
    return (found.st_size, found.st_mtime_ns)
