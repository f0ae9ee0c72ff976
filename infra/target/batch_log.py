"""A job's log in CloudWatch: lines with positions that are the same whenever the stream is read again.

A position is `milliseconds << 20 | characters`: the time that CloudWatch shows for the event, and how much text of that
millisecond is before the line, in CloudWatch's order. A metric's position is the line's and its place in the line, so
it stays inside of the line. Reading on begins at a time, which GetLogEvents can, and skips the lines of that
millisecond which were read before. Positions stay below 2**63 until the year 2248.
"""

import logging
from dataclasses import dataclass, field

from functions.observation.collectors.lines import split_lines
from functions.worker import LogChunk, LogLine
from infra.target.batch_calls import LOG_PAGE_COUNT, BatchCalls
from infra.target.batch_job import Job, Json

log = logging.getLogger("kuttab.batch")

OFFSET_BITS = 20
_LAST_OFFSET = (1 << OFFSET_BITS) - 1
"""A million characters in one millisecond: more than a container writes in a second."""
CHUNK_CHARACTERS = 256 * 1024
_PAGES = 50
"""Of one reading; CloudWatch may return empty pages on the way to the next event."""


@dataclass(slots=True)
class _Lines:
    """Counts the lines of each millisecond, and keeps those from `start` on."""

    start: int
    kept: list[LogLine] = field(default_factory=list)
    characters: int = 0
    _millis: int = -1
    _offset: int = 0

    def add(self, event: Json) -> None:
        """Take an event; a progress bar in it is as many lines as it shows states."""
        millis = int(event["timestamp"])
        if millis != self._millis:
            self._millis, self._offset = millis, 0
        for line in split_lines(str(event["message"]).encode(errors="replace"), 0, is_over=True)[0]:
            position = millis << OFFSET_BITS | min(self._offset, _LAST_OFFSET)
            self._offset += len(line.text) + 1
            if position >= self.start:
                self.kept.append(LogLine(position, line.text))
                self.characters += len(line.text)

    @property
    def is_full(self) -> bool:
        """Tell whether this is enough for one chunk."""
        return self.characters >= CHUNK_CHARACTERS

    def to_chunk(self, source: str, *, has_more: bool) -> LogChunk:
        """Return what was kept."""
        end = self.kept[-1].position + len(self.kept[-1].text) + 1 if self.kept else self.start
        return LogChunk(source, self.start, end, tuple(self.kept), has_more=has_more)


async def read_job_log(calls: BatchCalls, job: Job, start: int) -> LogChunk:
    """Return lines from a position on. Of a job that runs one page is read: the next look reads on."""
    if not job.log_group or not job.log_stream:
        problem = "" if job.log_group else "the job's log does not go to CloudWatch Logs: push the metrics instead"
        return LogChunk(job.source, start, start, problem=problem)
    lines, token = _Lines(start), ""
    for _ in range(_PAGES):
        page = await calls.log_events(job.log_group, job.log_stream, start >> OFFSET_BITS, token)
        if page is None:
            return LogChunk(job.source, start, start, problem=_gone(job) if job.is_over else "")
        for event in page["events"]:
            lines.add(event)
            if lines.is_full:
                return lines.to_chunk(job.source, has_more=True)
        is_whole_page = len(page["events"]) >= LOG_PAGE_COUNT
        if page["nextForwardToken"] == token or not (job.is_over or is_whole_page):
            return lines.to_chunk(job.source, has_more=False)
        token = page["nextForwardToken"]
    return lines.to_chunk(job.source, has_more=bool(lines.kept))


def _gone(job: Job) -> str:
    message = f"there is no log stream {job.log_stream} in {job.log_group}: it was deleted, or its retention has ended"
    log.warning("a log is gone", extra={"job": job.id, "reason": message})
    return message
