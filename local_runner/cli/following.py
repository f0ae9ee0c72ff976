"""`kuttab collect --follow`: what runs beside a Worker in its pod, whose output is read as the Worker's metrics."""

import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import click

from infra.target.collecting.following import (
    POLL_SECONDS,
    SCRAPE_SECONDS,
    FollowedFile,
    follow_endpoint,
    follow_events,
    follow_until,
)


def follow(place: str, names: Sequence[str], *, is_events: bool, is_scrape: bool, ready: Path | None) -> None:
    """Print until SIGTERM, which a pod's sidecars get when its containers have ended. Raises LaunchRefusedError.

    `ready` is made once the signal will be heard: only then may the Worker begin.
    """
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    if ready is not None:
        ready.touch()
    out = sys.stdout.buffer
    if is_scrape:
        step = follow_endpoint(place, names, out, lambda words: click.echo(words, err=True))
        follow_until(step, ended.wait, seconds=SCRAPE_SECONDS, has_last=False)
        return
    step = follow_events(Path(place), names, out) if is_events else FollowedFile(Path(place), out).advance
    follow_until(step, ended.wait, seconds=POLL_SECONDS)
