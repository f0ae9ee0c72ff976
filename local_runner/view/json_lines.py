"""JSON lines: every event that is published, as it is encoded, for programs."""

from collections import deque
from collections.abc import Sequence
from typing import TextIO

from events.envelope import Event, encode
from events.experiment import ClockTicked
from local_runner.view.look import Look


class JsonLines:
    """The port `View`. Nothing else goes to its output; the clock's ticks are no news."""

    def __init__(self, output: TextIO, errors: TextIO) -> None:
        self._output = output
        self._errors = errors
        self._heard: deque[Event] = deque()

    def hear(self, event: Event) -> None:
        """Keep the event until the next look: writing may block, and must not block who publishes."""
        if not isinstance(event, ClockTicked):
            self._heard.append(event)

    def show(self, looks: Sequence[Look]) -> None:  # noqa: ARG002 - the events say it all
        """Write what was heard."""
        while self._heard:
            self._output.write(encode(self._heard.popleft()).decode() + "\n")
        self._output.flush()

    def say(self, text: str) -> None:
        """Write to standard error: standard output is for events."""
        print(text, file=self._errors, flush=True)

    def end(self, looks: Sequence[Look]) -> None:
        """Write what is left."""
        self.show(looks)

    def close(self) -> None:
        """Do nothing: no terminal is held."""
