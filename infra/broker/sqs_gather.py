"""Gather a batch of messages by the rules of Lambda's SQS event source: so many, so long, so large."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import MessageTypeDef

RECEIVE_COUNT = 10
"""Messages of one ReceiveMessage: SQS gives no more."""
_PAUSE_SECONDS = 0.05
"""Between polls in the last second of a window, which are too short to be long polls."""

Receive = Callable[[int, int], Sequence["MessageTypeDef"]]
"""Receive at most so many messages, waiting at most so many seconds for the first."""


@dataclass(slots=True)
class Gatherer:
    """Takes messages in tens until a batch is full, its window is over, or nothing more is there."""

    receive: Receive
    wait_seconds: int
    """How long a poll waits while the batch is empty, and at most within a window."""
    window_seconds: float = 0.0
    """Counted from the first message; without one a batch is what is there now."""
    max_bytes: float = float("inf")
    size_of: Callable[["MessageTypeDef"], int] = lambda message: len(message["Body"])
    is_stopping: Callable[[], bool] = lambda: False
    _surplus: list["MessageTypeDef"] = field(default_factory=list)
    """Received with a batch that it would have made too large: it begins the next one."""

    def gather(self, count: int) -> list["MessageTypeDef"]:
        """Return a batch of at most so many messages, or none where a whole poll brought none. Blocks."""
        asked = min(RECEIVE_COUNT, count)
        found, self._surplus = self._surplus or list(self.receive(asked, self.wait_seconds)), []
        until, is_more_there = time.monotonic() + self.window_seconds, len(found) == asked
        while found and len(found) < count and self._size(found) < self.max_bytes and not self.is_stopping():
            left = until - time.monotonic()
            if left <= 0 and (self.window_seconds or not is_more_there):
                break
            asked = min(RECEIVE_COUNT, count - len(found))
            more = self._receive_within(asked, left)
            found += more
            is_more_there = len(more) == asked
        return self._cut(found)

    def _receive_within(self, count: int, left_seconds: float) -> Sequence["MessageTypeDef"]:
        """Poll once more; SQS counts whole seconds, so the rest of a window is polled in short steps."""
        wait = max(0, min(self.wait_seconds, int(left_seconds)))
        more = self.receive(count, wait)
        if not more and not wait and left_seconds > 0:
            time.sleep(min(_PAUSE_SECONDS, left_seconds))
        return more

    def _size(self, messages: Sequence["MessageTypeDef"]) -> int:
        return sum(self.size_of(message) for message in messages)

    def _cut(self, messages: list["MessageTypeDef"]) -> list["MessageTypeDef"]:
        """Keep what goes beyond the size for the next batch; one message always goes."""
        size = 0
        for index, message in enumerate(messages):
            size += self.size_of(message)
            if index and size > self.max_bytes:
                self._surplus = messages[index:]
                return messages[:index]
        return messages
