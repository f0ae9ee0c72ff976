"""The port of every view, and how the fitting one is chosen."""

import sys
from collections.abc import Sequence
from typing import Protocol

from events.envelope import Event
from local_runner.view.look import Look


class View(Protocol):
    """Shows Experiments while they run. It is called from one task, and what it raises ends the watch."""

    def hear(self, event: Event) -> None:
        """Take note of a published event; must be quick and never raise."""
        ...

    def show(self, looks: Sequence[Look]) -> None:
        """Show how the Experiments stand."""
        ...

    def say(self, text: str) -> None:
        """Show a line about the command itself."""
        ...

    def end(self, looks: Sequence[Look]) -> None:
        """Show how they ended, or how they stood when the watch ended, and give the terminal back."""
        ...

    def close(self) -> None:
        """Give the terminal back, whatever happened; may be called twice."""
        ...


def make_view(*, is_json: bool, is_resumed: bool) -> View:
    """Return JSON lines where asked for, the live view on a terminal, and plain lines elsewhere."""
    if is_json:
        from local_runner.view.json_lines import JsonLines

        return JsonLines(sys.stdout, sys.stderr)
    if sys.stdout.isatty():
        from local_runner.view.live import LiveView

        return LiveView()
    from local_runner.view.plain import PlainView

    return PlainView(sys.stdout, is_resumed=is_resumed)
