"""moto's server as SQS and SNS, with patches that make its queues fast enough and safe for several clients at once."""

import logging
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from functools import wraps
from typing import Any

import moto.sqs.models as sqs
from moto.server import ThreadedMotoServer

REGION = "us-east-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "toy",
    "AWS_SECRET_ACCESS_KEY": "toy",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""moto takes any; without them boto3 would ask a machine's metadata service."""
_POLL_SECONDS = 0.05
"""How soon a long poll notices a message whose delay or visibility has ended."""
_CHANGES = (
    "send_message",
    "send_message_batch",
    "delete_message",
    "delete_message_batch",
    "change_message_visibility",
    "change_message_visibility_batch",
)

_lock = threading.RLock()
_attributes_of = sqs.Queue.attributes.fget
_receive = sqs.SQSBackend.receive_message


class MotoServer:
    """moto in threads of this process."""

    def __init__(self, port: int = 0) -> None:
        patch()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
        self._server.start()
        self.endpoint = "http://{}:{}".format(*self._server.get_host_and_port())

    def stop(self) -> None:
        self._server.stop()


class _LazyAttributes(dict[str, Any]):
    """A queue's attributes, computed when they are read: moto asks for one of them for every message that comes."""

    def __init__(self, queue: sqs.Queue) -> None:
        super().__init__()
        self._queue = queue

    def _all(self) -> dict[str, Any]:
        return _attributes_of(self._queue)

    def get(self, name: str, default: Any = None) -> Any:
        if name == "ContentBasedDeduplication" and not self._queue.fifo_queue:
            return default
        return self._all().get(name, default)

    def __getitem__(self, name: str) -> Any:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __contains__(self, name: object) -> bool:
        return name in self._all()

    def keys(self) -> Any:
        return self._all().keys()

    def items(self) -> Any:
        return self._all().items()


def patch() -> None:
    """Make time cheap, attributes lazy, and every change of a queue one step: moto loses messages to races."""
    if isinstance(sqs.Queue.attributes.fget, type):
        return
    sqs.unix_time_millis = _millis
    sqs.Queue.attributes = property(_LazyAttributes)
    for name in _CHANGES:
        setattr(sqs.SQSBackend, name, _locked(getattr(sqs.SQSBackend, name)))
    sqs.SQSBackend.receive_message = _receive_patiently


def _locked(method: Any) -> Any:
    @wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        with _lock:
            return method(*arguments, **named)

    return call


def _receive_patiently(
    backend: Any, queue_name: str, count: int, wait_seconds_timeout: int, *more: Any, **named: Any
) -> Any:
    """Look again until something is there or the time is over; the lock is free in between."""
    until = time.monotonic() + wait_seconds_timeout
    while True:
        with _lock:
            found = _receive(backend, queue_name, count, 0, *more, **named)
        left = until - time.monotonic()
        if found or left <= 0:
            return found
        backend.get_queue(queue_name).wait_for_messages(min(_POLL_SECONDS, left))


def _millis(moment: datetime | None = None) -> float:
    return (time.time() if moment is None else (moment - datetime(1970, 1, 1)).total_seconds()) * 1000  # noqa: DTZ001 - moto's are naive


if __name__ == "__main__":
    server = MotoServer()
    print(server.endpoint, flush=True)  # noqa: T201 - the program that started this one reads it
    sys.stdin.read()
    server.stop()
