"""Bytes of a log → whole lines whose positions are the same whenever the log is read again."""

from functions.worker import LogLine

MAX_LINE_BYTES = 64 * 1024
"""A longer line is cut: it bounds what a regular expression has to search, and a chunk always holds a line's end."""


def split_lines(data: bytes, start: int, *, is_over: bool) -> tuple[tuple[LogLine, ...], int]:
    r"""Return the whole lines of the bytes from position `start` on, and the position after the last of them.

    `start` is 0 or an end that was returned before. A line ends with `\n`, `\r\n`, or `\r` alone, so that each state
    of a progress bar is a line; or after MAX_LINE_BYTES, counted from its start. An unfinished last line, and a `\r`
    that `\n` may follow, are kept for the next reading unless the log `is_over`.
    """
    lines: list[LogLine] = []
    reached = 0
    while reached < len(data):
        length, ending = _measure(data, reached, is_over=is_over)
        if not length + ending:
            break
        lines.append(LogLine(start + reached, decode(data[reached : reached + length])))
        reached += length + ending
    return tuple(lines), start + reached


def decode(data: bytes) -> str:
    """Return text that any store takes: what is no UTF-8, and NUL, becomes the replacement character."""
    return data.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _measure(data: bytes, start: int, *, is_over: bool) -> tuple[int, int]:
    """Return the bytes of the line at `start` and of its ending; (0, 0) where it is not finished."""
    limit = start + MAX_LINE_BYTES
    newline = data.find(b"\n", start, limit)
    carriage = data.find(b"\r", start, newline if newline >= 0 else limit)
    if carriage >= 0:
        is_last = carriage + 1 == len(data)
        if is_last and not is_over:
            return 0, 0
        return carriage - start, 2 if data[carriage + 1 : carriage + 2] == b"\n" else 1
    if newline >= 0:
        return newline - start, 1
    if limit <= len(data):
        return MAX_LINE_BYTES, 0
    return (len(data) - start, 0) if is_over else (0, 0)
