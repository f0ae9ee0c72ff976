"""Where everything of a diagram goes, in pixels: rows of boxes, and lanes beside them for links that pass rows by.

All links of one box that pass rows by share one lane, so that the widest drawing grows with boxes, not with links; two
boxes share a lane where one's ends above the other's begin. A link leaves its box sideways, follows the lane down and
enters the next box from above, on a track of its own between the rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from local_runner.report.diagram import Diagram, Link

BOX_HEIGHT: Final = 40.0
_CHARACTER: Final = 7.6
"""Pixels of a character at the size that the page draws: more than most need, so that texts stay inside."""
_NARROWEST, _WIDEST = 76.0, 330.0
_COLUMN_GAP: Final = 24.0
_ROW_GAP: Final = 26.0
_TRACK: Final = 9.0
_LANE: Final = 11.0
_MARGIN: Final = 8.0

MAX_CHARACTERS = int(_WIDEST / _CHARACTER) - 2
"""Of one line of a box; what is longer is cut there, and whole in the box's tooltip and in the list below."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """A box's centre at its top, and its width."""

    x: float
    y: float
    width: float


@dataclass(frozen=True, slots=True)
class Lane:
    """Which lane a box's long links take: the side, -1 left and 1 right, and how many lanes lie between."""

    side: int
    number: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of all boxes, and for each link the corners of its line."""

    width: float
    height: float
    places: tuple[Place, ...]
    lines: tuple[tuple[Point, ...], ...]


def lay_out(diagram: Diagram) -> Layout:
    """Return the layout; the same diagram always has the same."""
    lanes = _choose_lanes(diagram)
    entries = _entries(diagram, lanes)
    places = _place(diagram, entries)
    left, right = (max((it.number + 1 for it in lanes.values() if it.side == side), default=0) for side in (-1, 1))
    widest = max(abs(it.x) + it.width / 2 for it in places)
    shift = widest + (left + 1) * _LANE + _MARGIN
    lines = tuple(tuple(_corners(link, diagram, lanes, entries, places)) for link in diagram.links)
    moved = tuple(Place(it.x + shift, it.y, it.width) for it in places)
    height = places[-1].y + BOX_HEIGHT + _MARGIN
    width = shift + widest + (right + 1) * _LANE + _MARGIN
    return Layout(width, height, moved, tuple(tuple((x + shift, y) for x, y in line) for line in lines))


def cut(text: str) -> str:
    """Return as much of a line as a box has room for."""
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…"


def _is_long(link: Link, rows: Sequence[int]) -> bool:
    return rows[link.target] > rows[link.source] + 1


def _choose_lanes(diagram: Diagram) -> dict[int, Lane]:
    """Give each box, the shortest way first, the innermost lane that is free on the side where that is nearer."""
    rows = diagram.row_numbers
    ends: dict[int, int] = {}
    for link in diagram.links:
        if _is_long(link, rows):
            ends[link.source] = max(ends.get(link.source, 0), rows[link.target])
    lanes: dict[int, Lane] = {}
    taken: dict[Lane, list[tuple[int, int]]] = {}
    for source, end in sorted(ends.items(), key=lambda it: (it[1] - rows[it[0]], it[0])):
        span = rows[source], end
        lane = min((_free_lane(side, span, taken) for side in _sides(source, diagram)), key=lambda it: it.number)
        taken.setdefault(lane, []).append(span)
        lanes[source] = lane
    return lanes


def _sides(source: int, diagram: Diagram) -> tuple[int, ...]:
    """Return both sides, but of several boxes in a row the one that no other box is in the way of."""
    number = diagram.row_numbers[source]
    first = diagram.row_numbers.index(number)
    size = len(diagram.rows[number])
    if size == 1:
        return (1, -1)
    return (-1,) if (source - first) * 2 < size - 1 else (1,)


def _free_lane(side: int, span: tuple[int, int], taken: dict[Lane, list[tuple[int, int]]]) -> Lane:
    number = 0
    while any(start < span[1] and span[0] < end for start, end in taken.get(Lane(side, number), ())):
        number += 1
    return Lane(side, number)


Entry = tuple[int, int]
"""A box and the side from which lanes lead to it."""


def _entries(diagram: Diagram, lanes: dict[int, Lane]) -> dict[Entry, int]:
    """Return the number of each track among those above its row, the ones that reach further first."""
    rows, numbers = diagram.row_numbers, dict[Entry, int]()
    long = {(link.target, lanes[link.source].side) for link in diagram.links if _is_long(link, rows)}
    for row in sorted({rows[target] for target, _ in long}):
        first, size = rows.index(row), len(diagram.rows[row])
        here = [entry for entry in long if rows[entry[0]] == row]
        here.sort(key=lambda it: (-(it[0] - first if it[1] < 0 else size - 1 - it[0] + first), it))
        numbers |= {entry: number for number, entry in enumerate(here)}
    return numbers


def _place(diagram: Diagram, entries: dict[Entry, int]) -> tuple[Place, ...]:
    """Put every row in the middle, as far below the one above as its tracks need."""
    rows, places, y = diagram.row_numbers, list[Place](), _MARGIN
    for number, row in enumerate(diagram.rows):
        tracks = sum(rows[target] == number for target, _ in entries)
        y += (_ROW_GAP + tracks * _TRACK) if number else 0.0
        widths = [_width(box.name, box.details) for box in row]
        x = -(sum(widths) + _COLUMN_GAP * (len(row) - 1)) / 2
        for width in widths:
            places.append(Place(x + width / 2, y, width))
            x += width + _COLUMN_GAP
        y += BOX_HEIGHT
    return tuple(places)


def _width(*lines: str) -> float:
    return max(_NARROWEST, (max(len(cut(line)) for line in lines) + 2) * _CHARACTER)


def _corners(
    link: Link,
    diagram: Diagram,
    lanes: dict[int, Lane],
    entries: dict[Entry, int],
    places: Sequence[Place],
) -> Iterator[Point]:
    """Yield the corners of a link's line; that of two neighbouring rows has only its two ends."""
    source, target = places[link.source], places[link.target]
    if not _is_long(link, diagram.row_numbers):
        yield source.x, source.y + BOX_HEIGHT
        yield target.x, target.y
        return
    lane = lanes[link.source]
    widest = max(abs(it.x) + it.width / 2 for it in places)
    outside = lane.side * (widest + (lane.number + 1) * _LANE)
    track = target.y - _ROW_GAP / 2 - (_tracks_above(link.target, entries, diagram) - 1) * _TRACK
    track += entries[link.target, lane.side] * _TRACK
    entry = target.x + lane.side * target.width / 4
    yield source.x + lane.side * source.width / 2, source.y + BOX_HEIGHT / 2
    yield outside, source.y + BOX_HEIGHT / 2
    yield outside, track
    yield entry, track
    yield entry, target.y


def _tracks_above(target: int, entries: dict[Entry, int], diagram: Diagram) -> int:
    rows = diagram.row_numbers
    return sum(rows[it] == rows[target] for it, _ in entries)
