"""Read a Worker's log on, and cut what was found into ranges that fit into events."""

from dataclasses import dataclass

from events.observation import MAX_POINTS, MetricPoint, MetricRange
from functions.observation.collectors.text import Parser
from functions.worker import LogChunk, Target, Worker

_CHUNKS = 64
"""Chunks of one look (some 16 MiB of a log): the next look reads on."""
_RANGE_BYTES = 128 * 1024
"""Text of one range's points: with its JSON around it, far under the smallest message size of the brokers."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Ranges that follow each other, the log's source, where reading stopped, and whether there is more to read."""

    ranges: tuple[MetricRange, ...] = ()
    source: str = ""
    end: int = 0
    has_more: bool = False
    problem: str = ""
    """Why there is nothing to read."""


async def read_ranges(worker: Worker, target: Target, parser: Parser, start: int, *, is_over: bool) -> Reading:
    """Read the log on from a position, as far as one look may.

    Of a Worker that runs, a stretch without points is left for the next look, unless it is all that one look may read;
    of one that is over, the ranges reach to where reading stopped.
    """
    ranges: list[MetricRange] = []
    end, reached = start, start
    for nth in range(_CHUNKS):
        chunk = await target.read_log(worker, reached, is_over=is_over)
        reached = chunk.end
        points = parser.parse(chunk.lines)
        is_spent = nth == _CHUNKS - 1 and chunk.has_more
        if points or ((is_over or is_spent) and reached > end):
            ranges += _cut(chunk, points, end)
            end = reached
        if not chunk.has_more:
            break
    return Reading(tuple(ranges), chunk.source, end, chunk.has_more, chunk.problem)


def _cut(chunk: LogChunk, points: tuple[MetricPoint, ...], start: int) -> list[MetricRange]:
    """Cut [start, chunk.end) so that no range holds too many points or too much text."""
    ranges: list[MetricRange] = []
    held: list[MetricPoint] = []
    size = 0
    for point in sorted(points, key=lambda found: found.position):
        weight = len(point.value) + len(point.name)
        is_full = len(held) >= MAX_POINTS or size + weight > _RANGE_BYTES
        if held and is_full and point.position > held[-1].position:
            ranges.append(MetricRange(source=chunk.source, start=start, end=point.position, points=tuple(held)))
            start, held, size = point.position, [], 0
        held.append(point)
        size += weight
    ranges.append(MetricRange(source=chunk.source, start=start, end=chunk.end, points=tuple(held)))
    return ranges
