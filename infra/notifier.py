"""Notifiers: who is told that an Experiment has ended."""

import asyncio
from collections.abc import Sequence
from urllib import request

from events.envelope import CONTENT_TYPE, encode
from events.experiment import ExperimentFinished

_TIMEOUT_SECONDS = 10


class SilentNotifier:
    """Tells nobody."""

    @property
    def sinks(self) -> Sequence[str]:
        """No receivers."""
        return ()

    async def notify(self, sink: str, event: ExperimentFinished) -> None:
        """Do nothing."""


class WebhookNotifier:
    """Posts the CloudEvent to each URL; any answer below 300 is a receipt."""

    def __init__(self, urls: Sequence[str]) -> None:
        for url in urls:
            if not url.startswith(("http://", "https://")):
                message = f"webhook {url!r}: must be an http or https URL"
                raise ValueError(message)
        self._urls = tuple(urls)

    @property
    def sinks(self) -> Sequence[str]:
        """The URLs."""
        return self._urls

    async def notify(self, sink: str, event: ExperimentFinished) -> None:
        """Post; raises OSError (urllib's URLError is one) where it is not taken."""
        await asyncio.to_thread(_post, sink, encode(event))


def _post(url: str, body: bytes) -> None:
    call = request.Request(url, data=body, headers={"Content-Type": CONTENT_TYPE}, method="POST")  # noqa: S310 - checked
    with request.urlopen(call, timeout=_TIMEOUT_SECONDS):  # noqa: S310 - checked
        pass
