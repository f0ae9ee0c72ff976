"""An explanation as text: a paragraph, then a table of what is active, the last events and the last errors."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime

from functions.explanation.facts import Explanation
from local_runner.view.table import render_age, render_table

_WIDTH = 100
MOST_TRIALS = 20


def render_explanation(explanation: Explanation, now: datetime) -> Iterator[str]:
    """Yield the lines."""
    yield from textwrap.wrap(explanation.paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)
    shown = explanation.trials[:MOST_TRIALS]
    if shown:
        rows = [
            (trial.name, trial.state.value, word.what, render_age(word.since, now), word.moved_by)
            for trial, word in shown
        ]
        yield ""
        yield from render_table([("TRIAL", "STATE", "WAITS FOR", "SINCE", "MOVED BY"), *rows])
    if len(shown) < len(explanation.trials):
        yield f"... and {len(explanation.trials) - len(shown)} more"
    yield from _section("LAST EVENTS", explanation.events, now)
    yield from _section("LAST ERRORS", explanation.errors, now)


def _section(title: str, rows: Sequence[tuple[datetime, str]], now: datetime) -> Iterator[str]:
    if rows:
        yield ""
        yield from render_table([("AGO", title), *((render_age(at, now), what) for at, what in rows)])
