"""SQSEventSource: what Lambda does between a queue and a function, for a queue without Lambda."""

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions.errors import KuttabError
from infra.broker.port import BrokerError
from infra.broker.sqs_gather import RECEIVE_COUNT, Gatherer
from infra.broker.sqs_link import SQSLink, outage_seconds
from infra.broker.sqs_receipts import Receipt, delete
from infra.broker.sqs_records import failed_ids, record_of

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

log = logging.getLogger("kuttab.sqs")

MAX_PAYLOAD_BYTES = 6_000_000
"""Of one invocation, a little below Lambda's six megabytes: the frame of the records needs some too."""
MAX_BATCH_COUNT = 10_000
MAX_FIFO_BATCH_COUNT = 10
MAX_WINDOW_SECONDS = 300
CONCURRENCY_COUNTS = range(2, 1_001)

Invoke = Callable[[dict[str, object]], object]
"""Call the function with `{"Records": […]}` and return its answer; whatever it raises fails the whole batch."""


class MappingError(KuttabError):
    """AWS refuses such an event source mapping: mend what the message names."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """An event source mapping, named as in a template."""

    batch_count: int = 10
    """BatchSize."""
    window_seconds: int = 0
    """MaximumBatchingWindowInSeconds."""
    reports_failures: bool = True
    """FunctionResponseTypes: [ReportBatchItemFailures]."""
    concurrency: int = 2
    """ScalingConfig.MaximumConcurrency."""
    timeout_seconds: int = 0
    """The function's Timeout, which the queue's visibility must not be below; to keep it is the invoker's affair."""

    def check(self, *, arn: str, visibility_seconds: int) -> None:
        """Raise MappingError where AWS refuses this mapping for this queue."""
        if not 1 <= self.batch_count <= MAX_BATCH_COUNT:
            raise MappingError(f"BatchSize: {self.batch_count} must be from 1 to {MAX_BATCH_COUNT}")
        if not 0 <= self.window_seconds <= MAX_WINDOW_SECONDS:
            raise MappingError(f"MaximumBatchingWindowInSeconds: {self.window_seconds} must be up to 300")
        if self.concurrency not in CONCURRENCY_COUNTS:
            raise MappingError(f"MaximumConcurrency: {self.concurrency} must be from 2 to 1000")
        if visibility_seconds < self.timeout_seconds:
            raise MappingError(f"{arn}: visibility of {visibility_seconds} s is below the function's timeout")
        if arn.endswith(".fifo") and (self.batch_count > MAX_FIFO_BATCH_COUNT or self.window_seconds):
            raise MappingError(f"{arn}: a FIFO queue takes a BatchSize up to 10 and no batching window")
        if self.batch_count > RECEIVE_COUNT and not self.window_seconds:
            raise MappingError("BatchSize: more than 10 needs MaximumBatchingWindowInSeconds of 1 or more")


class SQSEventSource:
    """Polls a queue, invokes a function with batches, deletes what it handled and leaves what it did not.

    Failed messages come again when their visibility runs out, and the queue's own redrive policy moves them to its
    dead letters. Invocations run in threads, at most `concurrency` at a time.
    """

    def __init__(self, link: SQSLink, name: str, invoke: Invoke, mapping: Mapping) -> None:
        """`name` is SQS's name of the queue."""
        self._link = link
        self._name = name
        self._invoke = invoke
        self._mapping = mapping
        self._stopping = asyncio.Event()
        self._url = self._arn = ""
        self.counts: Counter[str] = Counter()
        """Invocations, function errors, and messages that were deleted and that were left."""

    async def run(self) -> None:
        """Go on until `stop`, then finish what is in hand. Raises BrokerError, MappingError."""
        await self._look_up()
        room = asyncio.Semaphore(self._mapping.concurrency)
        with ThreadPoolExecutor(self._mapping.concurrency, "kuttab-invoke") as pool:
            async with asyncio.TaskGroup() as batches:
                async for batch in self._batches(room):
                    batches.create_task(self._handle(batch, pool)).add_done_callback(lambda _: room.release())

    def stop(self) -> None:
        """Ask for the end: the poll that is under way is waited for."""
        self._stopping.set()

    async def _look_up(self) -> None:
        self._url = url = await self._link.url(self._name)
        answer = await self._link.call(
            lambda client: client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn", "VisibilityTimeout"])
        )
        self._arn = answer["Attributes"]["QueueArn"]
        self._mapping.check(arn=self._arn, visibility_seconds=int(answer["Attributes"]["VisibilityTimeout"]))

    async def _batches(self, room: asyncio.Semaphore) -> AsyncIterator[list["MessageTypeDef"]]:
        """Yield batches, each when there is room for one more."""
        gatherer, failure_count = self._gatherer(await self._link.client()), 0
        await room.acquire()
        while not self._stopping.is_set():
            try:
                batch = await self._link.call(lambda _: gatherer.gather(self._mapping.batch_count), is_poll=True)
            except BrokerError as error:
                failure_count += 1
                log.warning("cannot receive", extra={"queue": self._name, "reason": str(error)})
                await self._pause(outage_seconds(failure_count))
                continue
            failure_count = 0
            if batch:
                yield batch
                await room.acquire()

    def _gatherer(self, client: "SQSClient") -> Gatherer:
        def receive(most: int, wait_seconds: int) -> Sequence["MessageTypeDef"]:
            return client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=wait_seconds,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            ).get("Messages", [])

        return Gatherer(
            receive,
            wait_seconds=self._link.address.wait_seconds,
            window_seconds=self._mapping.window_seconds,
            max_bytes=MAX_PAYLOAD_BYTES,
            size_of=lambda message: len(json.dumps(record_of(message, arn=self._arn))),
            is_stopping=self._stopping.is_set,
        )

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond a wish to stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _handle(self, batch: Sequence["MessageTypeDef"], pool: ThreadPoolExecutor) -> None:
        """Invoke the function, then delete what it handled; what it did not is not touched."""
        event: dict[str, object] = {"Records": [record_of(message, arn=self._arn) for message in batch]}
        ids = {message["MessageId"] for message in batch}
        self.counts["invocations"] += 1
        try:
            answer = await asyncio.get_running_loop().run_in_executor(pool, self._invoke, event)
            failed = failed_ids(answer, ids) if self._mapping.reports_failures else set[str]()
        except Exception as error:  # noqa: BLE001 - a function may fail in any way: its batch stays in the queue
            log.warning("a function failed", extra={"queue": self._name, "reason": repr(error)})
            self.counts["errors"] += 1
            failed = ids
        done = [Receipt(self._url, it["ReceiptHandle"]) for it in batch if it["MessageId"] not in failed]
        self.counts["left"] += len(batch) - len(done)
        try:
            await delete(self._link, done)
            self.counts["deleted"] += len(done)
        except BrokerError as error:
            log.warning("cannot delete", extra={"queue": self._name, "reason": str(error)})
