"""A diagram as SVG for the page: its colours are the page's, and readers of the page's text hear it as sentences."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from local_runner.report.diagram import Box, Diagram
from local_runner.report.layout import BOX_HEIGHT, Place, Point, cut, lay_out

_BEND = 6.0
"""Pixels of a corner's curve."""


def draw(diagram: Diagram, name: str) -> str:
    """Return a figure with the drawing, and its sentences to unfold; `name` makes its ids unlike another's."""
    layout = lay_out(diagram)
    sentences = diagram.sentences()
    boxes = diagram.boxes
    links = "".join(
        _link(line, f"{boxes[it.source].name} to {boxes[it.target].name}", name)
        for it, line in zip(diagram.links, layout.lines, strict=True)
    )
    drawn = "".join(_box(box, place) for box, place in zip(boxes, layout.places, strict=True))
    width, height = f"{layout.width:.0f}", f"{layout.height:.0f}"
    return (
        f'<figure class="architecture"><figcaption>{escape(diagram.title)}</figcaption>'
        f'<div class="scroll" tabindex="0">'
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img"'
        f' aria-labelledby="{name}-title {name}-text">'
        f'<title id="{name}-title">{escape(diagram.title)}</title>'
        f'<desc id="{name}-text">{escape("; ".join(sentences))}</desc>'
        f'<defs><marker id="{name}-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
        f' orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>{links}{drawn}</svg></div>'
        f"<details><summary>In words</summary><ul>{''.join(map(_item, sentences))}</ul></details></figure>"
    )


def _item(sentence: str) -> str:
    return f"<li>{escape(sentence)}</li>"


def _box(box: Box, place: Place) -> str:
    left, middle = place.x - place.width / 2, place.y + BOX_HEIGHT / 2
    lines = [line for line in (box.name, box.details) if line]
    first = middle if len(lines) == 1 else middle - 8
    texts = "".join(
        f'<text class="{size}" x="{place.x:.1f}" y="{first + drop:.1f}">{escape(cut(line))}</text>'
        for line, (size, drop) in zip(lines, (("name", 0), ("small", 16)), strict=False)
    )
    radius = {"end": 4, "node": 20, "operation": 10}[box.kind]
    return (
        f'<g class="box {box.kind}"><title>{escape(box.text)}</title><rect x="{left:.1f}" y="{place.y:.1f}"'
        f' width="{place.width:.1f}" height="{BOX_HEIGHT:.0f}" rx="{radius}"/>{texts}</g>'
    )


def _link(corners: Sequence[Point], title: str, name: str) -> str:
    path = _curve(*corners) if len(corners) == 2 else _bent(corners)  # noqa: PLR2004 - the two ends
    return f'<g class="link"><title>{escape(title)}</title><path d="{path}" marker-end="url(#{name}-arrow)"/></g>'


def _curve(start: Point, end: Point) -> str:
    """Return a line between two neighbouring rows: straight where they are one above the other."""
    middle = (start[1] + end[1]) / 2
    return f"M{_at(start)}C{_at((start[0], middle))} {_at((end[0], middle))} {_at(end)}"


def _bent(corners: Sequence[Point]) -> str:
    """Return a line along the corners, each of them rounded."""
    return "".join([f"M{_at(corners[0])}", *_turns(corners), f"L{_at(corners[-1])}"])


def _turns(corners: Sequence[Point]) -> Iterator[str]:
    for (before, corner), (_, after) in pairwise(pairwise(corners)):
        yield f"L{_at(_toward(corner, before))}Q{_at(corner)} {_at(_toward(corner, after))}"


def _toward(corner: Point, other: Point) -> Point:
    """Return the point of the curve's end: on the way to the other corner, at most half of it."""
    across, down = other[0] - corner[0], other[1] - corner[1]
    length = abs(across) + abs(down)
    share = min(_BEND, length / 2) / length if length else 0.0
    return corner[0] + across * share, corner[1] + down * share


def _at(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"
