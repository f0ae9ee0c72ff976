"""Lines of a stream have positions that hold however the reading is cut."""

from datetime import UTC, datetime
from typing import Any

from functions.observation.collectors.text import TextCollector
from functions.worker import LogChunk
from infra.target.batch_job import parse_job
from infra.target.batch_log import read_job_log

AT = datetime(2026, 3, 1, tzinfo=UTC)
MILLIS = 1_772_368_000_000


class Stream:
    """A log stream as GetLogEvents shows it: pages of two events, with an empty page after each."""

    def __init__(self, *events: tuple[int, str]) -> None:
        self.events: list[dict[str, Any]] = [{"timestamp": MILLIS + at, "message": text} for at, text in events]

    async def log_events(self, group: str, stream: str, start_millis: int, token: str) -> dict[str, Any]:
        found = [event for event in self.events if event["timestamp"] >= start_millis]
        nth = int(token or 0)
        page = [] if nth % 2 else found[nth : nth + 2]
        return {"events": page, "nextForwardToken": str(nth + 1 if nth < len(found) else nth)}


async def read(stream: Stream, start: int = 0, *, status: str = "SUCCEEDED") -> LogChunk:
    detail = {"jobId": "id", "status": status, "container": {"logStreamName": "s"}}
    job = parse_job(detail, container_name="", looked_at=AT)
    return await read_job_log(stream, job, start)  # type: ignore[arg-type]


async def test_lines_of_one_millisecond_are_told_apart_and_read_on_from_any_of_them() -> None:
    stream = Stream((0, "a"), (0, "b"), (0, "c"), (1, "d"), (1, "e"))

    whole = await read(stream)
    again = [(await read(stream, line.position)).lines for line in whole.lines]

    assert len({line.position for line in whole.lines}) == 5
    assert again == [whole.lines[index:] for index in range(len(whole.lines))]
    assert whole.end == whole.lines[-1].position + 2 < 2**63


async def test_a_metric_in_the_middle_of_a_line_lies_within_the_line_and_the_chunk() -> None:
    chunk = await read(Stream((0, "epoch=1 loss=0.5"), (0, "epoch=2 loss=0.4")))

    points = TextCollector(["epoch", "loss"]).parse(chunk.lines)

    assert [(it.name, it.value) for it in points] == [("epoch", "1"), ("loss", "0.5"), ("epoch", "2"), ("loss", "0.4")]
    assert len({it.position for it in points}) == 4
    assert all(chunk.start <= it.position < chunk.end for it in points)


async def test_what_comes_later_in_the_same_millisecond_is_read_next() -> None:
    stream = Stream((0, "a"))
    first = await read(stream, status="RUNNING")
    stream.events.append({"timestamp": MILLIS, "message": "b"})

    second = await read(stream, first.end, status="RUNNING")

    assert [line.text for line in second.lines] == ["b"]


async def test_each_state_of_a_progress_bar_is_a_line() -> None:
    chunk = await read(Stream((0, "10%\r20%\rloss=1")), status="RUNNING")

    assert [line.text for line in chunk.lines] == ["10%", "20%", "loss=1"]
