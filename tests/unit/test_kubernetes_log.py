"""Positions in a pod's log are the same wherever a reading begins, and a line's metrics lie inside of the line."""

from functions.observation.collectors.text import TextCollector
from infra.target.kubernetes_log import CHUNK_BYTES, LogReader, since_time

LOG = b"""2026-03-01T12:00:00.100000000Z epoch=1 loss=0.5
2026-03-01T12:00:00.200000000Z epoch=2 loss=0.4
2026-03-01T12:00:07.300000001Z
2026-03-01T12:00:07.300000001Z a\rb loss=0.3
2026-03-01T14:00:09+02:00 epoch=4 loss=0.2
"""


def read(data: bytes, start: int = 0, *, size: int = 1 << 20) -> LogReader:
    reader = LogReader(start)
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size])
    return reader


def since(text: str) -> bytes:
    """Return what the API server would send from this second on; Z sorts as the rest does."""
    return b"".join(line for line in LOG.splitlines(keepends=True) if line[:19].decode() >= text[:19] or b"+02" in line)


def test_lines_have_their_text_without_the_time() -> None:
    texts = [line.text for line in read(LOG).lines]

    assert texts == ["epoch=1 loss=0.5", "epoch=2 loss=0.4", "", "a", "b loss=0.3", "epoch=4 loss=0.2"]


def test_a_reading_that_goes_on_gives_the_same_positions() -> None:
    whole = read(LOG)

    for index, line in enumerate(whole.lines):
        again = read(since(since_time(line.position)), line.position)
        assert again.lines == whole.lines[index:]
        assert again.end == whole.end


def test_how_the_bytes_come_does_not_matter() -> None:
    assert read(LOG, size=7).lines == read(LOG).lines


def test_every_metric_lies_in_its_line_and_before_the_end() -> None:
    reader = read(LOG)

    points = TextCollector(["loss", "epoch"]).parse(reader.lines)

    assert len({(point.position, point.name) for point in points}) == len(points) == 7
    assert all(point.position < reader.end for point in points)
    assert [point.position for point in points] == sorted(point.position for point in points)


def test_positions_fit_into_a_signed_64_bit_number_for_decades() -> None:
    late = b"2087-12-31T23:59:59Z loss=1\n"

    assert 0 < read(late).end < 2**63


def test_an_unfinished_line_waits_and_is_taken_at_the_end() -> None:
    reader = read(LOG + b"2026-03-01T15:00:00Z loss=")

    assert len(reader.lines) == 6
    reader.finish()
    assert reader.lines[-1].text == "loss="


def test_a_chunk_is_bounded_and_the_next_goes_on() -> None:
    line = b"2026-03-01T12:00:00Z " + b"x" * 999 + b"\n"
    data = line * 1000
    first = read(data)
    second = read(data, first.end)

    assert first.is_full
    assert len(first.lines) == CHUNK_BYTES // 1000 + 1
    assert second.lines[0].position == first.end


def test_the_whole_log_needs_no_time() -> None:
    assert since_time(0) == ""
