"""A log is cut into the same lines at the same positions however its reading is divided."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.observation.collectors.lines import MAX_LINE_BYTES, split_lines
from functions.worker import LogLine

SHORT = [b"a", b"\n", b"\r", b"\r\n", b"\0", "é".encode()]


def read_in_steps(data: bytes, steps: list[int], *, chunk_bytes: int = 1 << 20) -> list[LogLine]:
    """Read a growing log: after each step more of it is there, at the end all of it."""
    lines: list[LogLine] = []
    start = 0
    for size in [*sorted(steps), len(data)]:
        is_over = size == len(data)
        while True:
            chunk = data[start : min(size, start + chunk_bytes)]
            found, end = split_lines(chunk, start, is_over=is_over and start + len(chunk) == size)
            lines += found
            if end == start:
                break
            start = end
    return lines


def texts(data: bytes, *, is_over: bool = True) -> list[str]:
    return [line.text for line in split_lines(data, 0, is_over=is_over)[0]]


def test_positions_are_byte_offsets() -> None:
    lines, end = split_lines("é=1\nloss=2\n".encode(), 100, is_over=False)

    assert lines == (LogLine(100, "é=1"), LogLine(105, "loss=2"))
    assert end == 112


def test_an_unfinished_last_line_is_kept_for_later_unless_the_log_is_over() -> None:
    assert split_lines(b"a\nb", 0, is_over=False) == ((LogLine(0, "a"),), 2)
    assert split_lines(b"a\nb", 0, is_over=True) == ((LogLine(0, "a"), LogLine(2, "b")), 3)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"10% loss=3\r50% loss=2\r100% loss=1\ndone\n", ["10% loss=3", "50% loss=2", "100% loss=1", "done"]),
        (b"a\r", ["a"]),
        (b"a\r\r\nb", ["a", "", "b"]),
        (b"\xff\xfeloss=1\0\n", ["\ufffd\ufffdloss=1\ufffd"]),
    ],
)
def test_lines_end_as_programs_end_them(data: bytes, lines: list[str]) -> None:
    assert texts(data) == lines


def test_a_carriage_return_waits_for_the_newline_that_may_follow() -> None:
    assert split_lines(b"a\r", 0, is_over=False) == ((), 0)
    assert split_lines(b"a\r\n", 0, is_over=False) == ((LogLine(0, "a"),), 3)


def test_a_long_line_is_cut_at_fixed_places() -> None:
    data = b"x" * (2 * MAX_LINE_BYTES + 5) + b"\nnext\n"

    lines, end = split_lines(data, 0, is_over=False)

    positions = [0, MAX_LINE_BYTES, 2 * MAX_LINE_BYTES, 2 * MAX_LINE_BYTES + 6]
    assert [line.position for line in lines] == positions
    assert end == len(data)
    for line in lines:
        assert split_lines(data[line.position :], line.position, is_over=False)[0][0] == line


@given(
    parts=st.lists(
        st.sampled_from(
            [b"a", b"\n", b"\r", b"\r\n", b"\0", "é".encode(), b"x" * (MAX_LINE_BYTES - 1), b"y" * MAX_LINE_BYTES]
        ),
        max_size=12,
    ),
    data=st.data(),
)
def test_reading_in_steps_gives_what_reading_at_once_gives(parts: list[bytes], data: st.DataObject) -> None:
    log = b"".join(parts)
    steps = data.draw(st.lists(st.integers(0, len(log)), max_size=6))
    chunk_bytes = data.draw(st.sampled_from([MAX_LINE_BYTES + 1, 4 * MAX_LINE_BYTES]))

    at_once, end = split_lines(log, 0, is_over=True)

    assert end == len(log)
    assert read_in_steps(log, steps, chunk_bytes=chunk_bytes) == list(at_once)
