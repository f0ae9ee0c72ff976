"""Publish to SQS: into the queue of the function that takes the event, through kombu, confirmed by SQS's answer."""

# kombu ships types, and for half of its functions none:
# mypy: allow-untyped-calls

import random
import time
from urllib.parse import urlsplit

from kombu.connection import Connection
from kombu.messaging import Producer

from ..envelope import CONTENT_TYPE, Event
from ..experiment import ExperimentCreated, ExperimentDeleteRequested, ExperimentEdited, ExperimentStopRequested
from ..observation import MetricReported
from ..reference import ExperimentEvent
from ..trial import TrialDeleteRequested, TrialFinished
from .errors import PublishError
from .sqs_address import SQSAddress, read_sqs_address

try:
    from kombu.asynchronous.aws.ext import exceptions as aws
    from kombu.transport.SQS import Channel
except ImportError as error:
    raise PublishError("sqs:// needs boto3: install kuttab[sqs]") from error

QUEUES = {
    ExperimentCreated.type: "experiment-admit",
    ExperimentEdited.type: "experiment-edit",
    ExperimentStopRequested.type: "experiment-stop",
    ExperimentDeleteRequested.type: "experiment-delete",
    MetricReported.type: "observation-record",
    TrialFinished.type: "trial-settle",
    TrialDeleteRequested.type: "trial-delete",
}
"""Where each event of a client goes: SQS has queues and no exchange."""
CONNECT_SECONDS = 5
ANSWER_SECONDS = 20
PAUSE_SECONDS = 0.2
"""Between two attempts; it doubles."""
MAX_PAUSE_SECONDS = 2.0
_PLACEHOLDER = {"-": {"url": "-"}}
"""Without any predefined queue kombu lists all there are, a right that a publisher need not have."""
_MISSING_CODES = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
_LASTING_STATUSES = range(400, 429)
"""The request is wrong, or the right to make it is missing: trying again ends the same. 429 and 5xx pass."""


class SQSSink:
    """One channel of kombu's, opened by the first event; queues are looked up once."""

    def __init__(self, url: str, *, patience_seconds: float) -> None:
        """Read the URL; nobody is called yet. Raises PublishError."""
        self._address = read_sqs_address(url)
        self._patience_seconds = patience_seconds
        self._queues: dict[str, dict[str, str]] = dict(_PLACEHOLDER)
        self._connection: Connection | None = None
        self._producer: Producer | None = None

    def put(self, event: Event, body: bytes) -> None:
        """Return when SQS has taken the event; after an attempt that failed it may be there twice."""
        until, pause = time.monotonic() + self._patience_seconds, PAUSE_SECONDS
        while True:
            try:
                return self._attempt(event, body)
            except (aws.BotoCoreError, aws.ClientError) as error:
                if _is_lasting(error) or time.monotonic() + pause > until:
                    raise self._error(self._explain(error, event)) from error
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, MAX_PAUSE_SECONDS)

    def close(self) -> None:
        """Let go of the channel."""
        if self._connection is not None:
            self._connection.release()
        self._connection = self._producer = None

    def _attempt(self, event: Event, body: bytes) -> None:
        if event.type not in QUEUES:
            raise self._error(f"no queue takes {event.type} from a client")
        producer = self._open()
        name = self._address.queue_name(QUEUES[event.type])
        self._find(name, producer.channel)
        group = event.experiment.namespace if isinstance(event, ExperimentEvent) else "default"
        producer.publish(
            body,
            exchange="",
            routing_key=name,
            content_type=CONTENT_TYPE,
            content_encoding="binary",
            MessageGroupId=group,
        )

    def _find(self, name: str, channel: Channel) -> None:
        """Let kombu know the queue's URL: from the account's id, or as SQS says."""
        if name in self._queues:
            return
        client = channel.sqs()
        if self._address.account:
            url = f"{client.meta.endpoint_url}/{self._address.account}/{name}"
        else:
            url = client.get_queue_url(QueueName=name)["QueueUrl"]
        self._queues[name] = {"url": url}

    def _open(self) -> Producer:
        if self._producer is None:
            self._connection = _connection(self._address, self._queues)
            self._producer = Producer(self._connection.channel())
        return self._producer

    def _explain(self, error: Exception, event: Event) -> str:
        if isinstance(error, aws.ClientError) and error.response["Error"]["Code"] in _MISSING_CODES:
            name = self._address.queue_name(QUEUES[event.type])
            return f"no queue {name}: deploy the template with this prefix or start a runner first"
        if isinstance(error, aws.NoCredentialsError):
            return "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        return " ".join(str(error).split())

    def _error(self, reason: str) -> PublishError:
        return PublishError(f"{self._address}: {reason}")


def _connection(address: SQSAddress, queues: dict[str, dict[str, str]]) -> Connection:
    """Return kombu's connection, with a bound on every wait; `queues` may grow later."""
    endpoint = urlsplit(address.endpoint)
    return Connection(
        transport="sqs",
        hostname=endpoint.hostname,
        port=endpoint.port,
        transport_options={
            "region": address.region or None,
            "is_secure": endpoint.scheme != "http",
            "predefined_queues": queues,
            "sqs_base64_encoding": False,
            "client-config": {
                "connect_timeout": CONNECT_SECONDS,
                "read_timeout": ANSWER_SECONDS,
                "retries": {"mode": "standard", "total_max_attempts": 1},
            },
        },
    )


def _is_lasting(error: Exception) -> bool:
    """Tell whether trying again would end the same."""
    if isinstance(error, aws.ClientError):
        is_throttled = "Throttl" in error.response["Error"]["Code"]
        return not is_throttled and error.response["ResponseMetadata"]["HTTPStatusCode"] in _LASTING_STATUSES
    return not isinstance(error, aws.HTTPClientError)
