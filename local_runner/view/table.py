"""Tables and ages as kubectl prints them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

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


def render_duration(seconds: float) -> str:
    """Return a duration with two digits of sense (Kubernetes' HumanDuration)."""
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if whole < 120:  # noqa: PLR2004 - the steps are Kubernetes'
        return f"{whole}s"
    if minutes < 10:  # noqa: PLR2004
        return _pair(minutes, "m", whole % 60, "s")
    if minutes < 180:  # noqa: PLR2004
        return f"{minutes}m"
    if hours < 8:  # noqa: PLR2004
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:  # noqa: PLR2004
        return f"{hours}h"
    return _pair(days, "d", hours % 24, "h") if days < 8 else f"{days}d"  # noqa: PLR2004


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"
