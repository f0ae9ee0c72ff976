"""Signals of a watch: a Ctrl-C detaches after a pause, a second one stops the Workers, a third one is the last."""

import asyncio
import signal
from types import TracebackType
from typing import Self

from local_runner.cli.errors import ExitStatus

_ENDING = (signal.SIGTERM, signal.SIGHUP)
"""Nobody is there to press a second Ctrl-C: detach at once."""


class Interrupts:
    """Counts what the person at the keyboard wants; a context manager inside a running event loop."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        self.ended = asyncio.Event()
        """Someone asks this process to end: first is set too."""

    def __enter__(self) -> Self:
        """Take the signals over."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        for number in _ENDING:
            loop.add_signal_handler(number, self._end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give them back."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, *_ENDING):
            loop.remove_signal_handler(number)

    def _interrupt(self) -> None:
        if self.second.is_set():
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
            raise SystemExit(ExitStatus.INTERRUPTED)
        (self.second if self.first.is_set() else self.first).set()

    def _end(self) -> None:
        self.ended.set()
        self.first.set()
