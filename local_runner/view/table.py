"""Tables and ages as kubectl prints them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from functions.explanation.durations import render_duration

_PADDING = 3
_SMALLEST_COLUMN = 6


def render_table(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the rows as lines with aligned columns, three spaces apart; the last column is not padded."""
    table = [[cell.replace("\n", " ") for cell in row] for row in rows]
    widths = [max(_SMALLEST_COLUMN - _PADDING, *map(len, column)) + _PADDING for column in zip(*table, strict=True)]
    for row in table:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "".join(padded).rstrip()


def render_age(since: datetime | None, now: datetime) -> str:
    """Return the time since then as kubectl abbreviates it: `45s`, `3m20s`, `5h12m`, `2d3h`."""
    if since is None:
        return "<unknown>"
    return render_duration((now - since).total_seconds())
