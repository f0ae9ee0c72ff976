"""A container's log: lines with positions that are the same whenever the log is read again.

A position is `seconds since 2020 << 32 | bytes`: the second of the line's timestamp, and how many bytes of text the
lines of that second before it hold. The API server understands `sinceTime` to the second only, so reading on begins
where a second begins, counts the same bytes, and skips what was read before. A metric's place in its line is added to
the line's position and stays inside of the line. Positions stay below 2**63 until the year 2088; a second holds 4 GiB.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from functions.observation.collectors.lines import split_lines
from functions.worker import LogLine

_EPOCH = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
_BYTE_BITS = 32
_LAST_BYTE = (1 << _BYTE_BITS) - 1
CHUNK_BYTES = 256 * 1024
_LONGEST_LINE_BYTES = 1024 * 1024
"""Of a line without an end, as a container may write it; what is more counts as further lines."""


def since_time(position: int) -> str:
    """Return the moment from which the log must be read to find this position; empty for the whole log."""
    if not position:
        return ""
    return datetime.fromtimestamp((position >> _BYTE_BITS) + _EPOCH, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class LogReader:
    """Takes the bytes of a log as they come, and keeps the lines from `start` on until they are enough."""

    start: int
    lines: list[LogLine] = field(default_factory=list)
    end: int = 0
    size: int = 0
    _rest: bytes = b""
    _second: int = 0
    _offset: int = 0

    def __post_init__(self) -> None:
        self.end = self.start

    @property
    def is_full(self) -> bool:
        """Tell whether this is enough for one chunk."""
        return self.size >= CHUNK_BYTES

    def feed(self, data: bytes) -> None:
        """Take more bytes; lines beyond a full chunk are left for the next one."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            if self.is_full:
                return
            self._take(line, 1)
        if len(self._rest) > _LONGEST_LINE_BYTES and not self.is_full:
            self._take(self._rest, 0)
            self._rest = b""

    def finish(self) -> None:
        """Take what has no newline: nothing will follow it."""
        if self._rest and not self.is_full:
            self._take(self._rest, 0)
        self._rest = b""

    def _take(self, line: bytes, ending: int) -> None:
        second, text = _split(line)
        if second is None:
            second, text = self._second, line  # the rest of a line that was too long, or a runtime's own words
        if second > self._second:
            self._second, self._offset = second, 0
        first = self._second << _BYTE_BITS | min(self._offset, _LAST_BYTE)
        self._offset += len(text) + ending
        end = self._second << _BYTE_BITS | min(self._offset, _LAST_BYTE)
        if end <= self.start:
            return
        parts = split_lines(text, first, is_over=True)[0] or (LogLine(first, ""),)
        self.lines += (part for part in parts if part.position >= self.start)
        self.size += len(text) + 1
        self.end = end


def _split(line: bytes) -> tuple[int | None, bytes]:
    """Return the second of the line's timestamp, and its text."""
    stamp, _, text = line.partition(b" ")
    try:
        moment = datetime.fromisoformat(stamp[:19].decode() + _zone(stamp.decode()))
    except (ValueError, UnicodeDecodeError):
        return None, line
    return int(moment.timestamp()) - _EPOCH, text


def _zone(stamp: str) -> str:
    """Return the offset from UTC at a timestamp's end: container runtimes write `Z` or their local one."""
    if stamp.endswith("Z"):
        return "+00:00"
    return stamp[-6:] if stamp[-6:-5] in {"+", "-"} else "none"
