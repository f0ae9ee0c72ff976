"""What a warm process remembers of the searches that it has worked for."""

from collections import OrderedDict
from threading import Lock

from functions.suggestion.history import History

MAX_CACHED_HISTORIES = 128
"""More Experiments than one process is likely to search for at a time."""

MAX_CACHED_BYTES = 64 * 2**20
"""About a hundred Experiments of 10,000 Trials with six parameters; a quarter of a small function's memory."""


class HistoryCache:
    """The histories that a warm process used last, by the uid of their Experiment; bounded in entries and bytes."""

    def __init__(self, max_entries: int = MAX_CACHED_HISTORIES, max_bytes: int = MAX_CACHED_BYTES) -> None:
        """Keep at most so many histories, and so many bytes of them."""
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._histories: OrderedDict[str, History] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """Count the histories kept."""
        return len(self._histories)

    @property
    def size_bytes(self) -> int:
        """The memory that they hold."""
        return sum(history.size_bytes for history in self._histories.values())

    def get(self, uid: str) -> History | None:
        """Return the history of this Experiment, if it is kept; what is newer must still be read."""
        with self._lock:
            if uid in self._histories:
                self._histories.move_to_end(uid)
            return self._histories.get(uid)

    def put(self, uid: str, history: History) -> None:
        """Keep this history unless a newer one of the Experiment is kept; forget those unused for longest."""
        if history.size_bytes > self._max_bytes:
            self.drop(uid)
            return
        with self._lock:
            kept = self._histories.get(uid)
            if kept is None or kept.last_seq <= history.last_seq:
                self._histories[uid] = history
            self._histories.move_to_end(uid)
            while len(self._histories) > self._max_entries or self.size_bytes > self._max_bytes:
                self._histories.popitem(last=False)

    def drop(self, uid: str) -> None:
        """Forget this Experiment."""
        with self._lock:
            self._histories.pop(uid, None)
