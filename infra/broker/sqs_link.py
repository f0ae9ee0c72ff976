"""boto3's client of SQS in threads: every call bounded, every error one BrokerError of one line."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from infra.broker.port import BrokerError
from infra.broker.sqs_address import SQSAddress

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

T = TypeVar("T")

CONNECT_SECONDS = 5
ANSWER_SECONDS = 15
"""Waited for an answer, besides what a long poll waits on purpose."""
TRY_COUNT = 4
"""botocore's tries of a call that is throttled, answered by a 5xx or lost, with its pauses in between."""
CALL_COUNT = 16
"""Calls side by side that send, delete and change."""
POLL_COUNT = 64
"""Long polls side by side, one for each queue that is read: they have threads of their own, or no call got one."""
OUTAGE_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Pauses between polls while SQS cannot be asked; the last one is repeated."""
_MISSING_CODES = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}


class QueueMissingError(BrokerError):
    """A queue does not exist: deploy the template with this prefix, or let the queues be declared."""


class SQSLink:
    """One client, which is safe for threads, and the URLs of the queues that were looked up."""

    def __init__(self, address: SQSAddress) -> None:
        """Nobody is called yet."""
        self.address = address
        self._calls = ThreadPoolExecutor(CALL_COUNT, "kuttab-sqs")
        self._polls = ThreadPoolExecutor(POLL_COUNT, "kuttab-sqs-poll")
        self._urls: dict[str, str] = {}
        self._sqs: SQSClient | None = None
        self._sns: SNSClient | None = None
        self._opening = asyncio.Lock()

    async def call(self, work: Callable[["SQSClient"], T], *, is_poll: bool = False) -> T:
        """Run the work with the client in a thread. Raises BrokerError, QueueMissingError."""
        client = await self.client()
        return await self._run(self._polls if is_poll else self._calls, lambda: work(client))

    async def call_topic(self, work: Callable[["SNSClient"], T]) -> T:
        """Run the work with SNS's client in a thread. Raises BrokerError."""
        async with self._opening:
            if self._sns is None:
                self._sns = await self._run(self._calls, lambda: open_sns(self.address))
            topics = self._sns
        return await self._run(self._calls, lambda: work(topics))

    async def url(self, name: str) -> str:
        """Return the URL of the queue of this name. Raises BrokerError, QueueMissingError."""
        if name not in self._urls:
            try:
                found = await self.call(lambda client: client.get_queue_url(QueueName=name))
            except QueueMissingError as error:
                raise missing([name], self.address) from error
            self._urls[name] = found["QueueUrl"]
        return self._urls[name]

    def note(self, name: str, url: str) -> None:
        """Note the URL of a queue that was just made: for a second SQS may not find it."""
        self._urls[name] = url

    def forget(self, name: str) -> None:
        """Look the queue up again when it is next needed."""
        self._urls.pop(name, None)

    def close(self) -> None:
        """Let go of the connections; what runs in a thread ends by itself."""
        self._calls.shutdown(wait=False)
        self._polls.shutdown(wait=False)
        for client in (self._sqs, self._sns):
            if client is not None:
                client.close()

    async def client(self) -> "SQSClient":
        """Return the client for what is done in a thread of one's own. Raises BrokerError."""
        async with self._opening:
            if self._sqs is None:
                self._sqs = await self._run(self._calls, lambda: open_sqs(self.address))
            return self._sqs

    @staticmethod
    async def _run(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        except (BotoCoreError, ClientError) as error:
            raise broker_error(error) from error


def open_sqs(address: SQSAddress) -> "SQSClient":
    """Return a client of SQS; nobody is called yet. Raises BotoCoreError."""
    session = boto3.session.Session(region_name=address.region or None)
    return session.client("sqs", endpoint_url=address.endpoint or None, config=_config(address))


def open_sns(address: SQSAddress) -> "SNSClient":
    """Return a client of SNS; nobody is called yet. Raises BotoCoreError."""
    session = boto3.session.Session(region_name=address.region or None)
    return session.client("sns", endpoint_url=address.endpoint or None, config=_config(address))


def _config(address: SQSAddress) -> Config:
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=ANSWER_SECONDS + address.wait_seconds,
        retries={"mode": "standard", "total_max_attempts": TRY_COUNT},
        max_pool_connections=CALL_COUNT + POLL_COUNT,
    )


def outage_seconds(failure_count: int) -> float:
    """Return how long to wait after so many polls in a row that failed."""
    return OUTAGE_SECONDS[min(failure_count, len(OUTAGE_SECONDS)) - 1]


def missing(names: Iterable[str], address: SQSAddress) -> QueueMissingError:
    """Name the queues that do not exist, and what to do."""
    text = ", ".join(sorted(names))
    return QueueMissingError(
        f"{address}: no queue {text}: deploy template.yaml with prefix {address.prefix!r}, or add &declare=true"
    )


def broker_error(error: BotoCoreError | ClientError) -> BrokerError:
    """Say in one line what AWS, the network or the credentials' search said."""
    if isinstance(error, NoRegionError):
        return BrokerError("no AWS region: add region=REGION to the broker's URL")
    if isinstance(error, NoCredentialsError):
        return BrokerError("no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    text = " ".join(str(error).split())
    if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in _MISSING_CODES:
        return QueueMissingError(text)
    return BrokerError(text)
