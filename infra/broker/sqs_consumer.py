"""SQSConsumer: polls that outlive a cancelled receive, and a heartbeat that keeps what is in hand invisible."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from infra.broker.port import DELIVERY_LIMIT, BrokerError, Delivery
from infra.broker.sqs_gather import RECEIVE_COUNT, Gatherer
from infra.broker.sqs_link import SQSLink, outage_seconds
from infra.broker.sqs_publisher import Outgoing, SQSPublisher
from infra.broker.sqs_receipts import Receipt, delete, hide

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

log = logging.getLogger("kuttab.sqs")

VISIBILITY_SECONDS = 30
"""How long a message stays hidden from others after its consumer's last heartbeat: a crash delays it by that."""
BEAT_SECONDS = 10.0
"""Between two heartbeats: two may fail before a message comes again."""


class SQSConsumer:
    """The port `Consumer`."""

    def __init__(self, link: SQSLink, queue: str, url: str, *, prefetch: int) -> None:
        self._link = link
        self._queue = queue
        self._url = url
        self._prefetch = prefetch
        self._buffer: deque[Delivery] = deque()
        self._held: dict[Receipt, Delivery] = {}
        self._poll: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._changing = asyncio.Lock()
        self._failure_count = 0
        self._closing = asyncio.Event()
        self._beating = asyncio.create_task(self._beat())

    @property
    def is_healthy(self) -> bool:
        """Whether the last poll was answered, or nobody wants messages any more."""
        return self._closing.is_set() or not self._failure_count

    async def receive(self, limit: int) -> list[Delivery]:
        """Wait for messages, over any outage. A poll outlives a cancelled call: the next one takes what it brings."""
        while not self._buffer and not self._closing.is_set():
            room = self._prefetch - len(self._held)
            if self._poll is not None:
                await asyncio.wait({self._poll})
            elif room > 0:
                self._poll = asyncio.create_task(self._take(min(room, max(limit, RECEIVE_COUNT))))
            else:
                self._room.clear()
                await self._room.wait()
        return [self._buffer.popleft() for _ in range(min(limit, len(self._buffer)))]

    def forget(self, receipts: Iterable[Receipt]) -> None:
        """Make room: these were answered for."""
        for receipt in receipts:
            receipt.is_settled = True
            self._held.pop(receipt, None)
        self._room.set()

    async def release(self, seconds: Mapping[Receipt, int]) -> None:
        """Let these come again after so many seconds; where SQS cannot be told, their visibility ends by itself."""
        async with self._changing:  # a heartbeat that is under way would hide them again
            self.forget(seconds)
            with contextlib.suppress(BrokerError):
                await hide(self._link, seconds)

    async def close(self) -> None:
        """Stop; what was received and not acked goes back to the queue."""
        self._closing.set()
        self._beating.cancel()
        if self._poll is not None:
            await asyncio.wait({self._poll})
        with contextlib.suppress(BrokerError):
            await self._renew([delivery for delivery in self._held.values() if delivery.count >= DELIVERY_LIMIT])
        self._buffer.clear()
        await self.release(dict.fromkeys(self._held, 0))

    async def _renew(self, deliveries: Sequence[Delivery]) -> None:
        """Put fresh copies in place of messages that SQS would dead-letter next: they have not failed this time."""
        name = self._link.address.queue_name(self._queue)
        await SQSPublisher(self._link).publish([Outgoing(name, delivery.body.decode()) for delivery in deliveries])
        receipts = [receipt for receipt, delivery in self._held.items() if delivery in deliveries]
        await delete(self._link, receipts)
        self.forget(receipts)

    async def _take(self, count: int) -> None:
        """Poll once into the buffer, after a pause where SQS could not be asked the last time."""
        try:
            messages = await self._link.call(lambda client: self._gather(client, count), is_poll=True)
        except BrokerError as error:
            log.warning("cannot receive", extra={"queue": self._queue, "reason": str(error)})
            self._failure_count += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(outage_seconds(self._failure_count)):
                    await self._closing.wait()
        else:
            self._failure_count = 0
            for message in messages:
                self._hold(message)
        finally:
            self._poll = None

    def _gather(self, client: "SQSClient", count: int) -> list["MessageTypeDef"]:
        def receive(most: int, wait_seconds: int) -> Sequence["MessageTypeDef"]:
            return client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=VISIBILITY_SECONDS,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            ).get("Messages", [])

        return Gatherer(receive, wait_seconds=self._link.address.wait_seconds).gather(count)

    def _hold(self, message: "MessageTypeDef") -> None:
        receipt = Receipt(self._url, message["ReceiptHandle"], self)
        count = int(message.get("Attributes", {}).get("ApproximateReceiveCount", "1"))
        delivery = Delivery(self._queue, message["Body"].encode(), count, receipt)
        self._held[receipt] = delivery
        self._buffer.append(delivery)

    async def _beat(self) -> None:
        """Keep what is held hidden from others for as long as this process lives."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                async with self._changing:
                    lost = await hide(self._link, dict.fromkeys(self._held, VISIBILITY_SECONDS))
            except BrokerError as error:
                log.warning("cannot keep messages in hand", extra={"queue": self._queue, "reason": str(error)})
                continue
            if lost := [receipt for receipt in lost if not receipt.is_settled]:
                log.warning("messages in hand may come again", extra={"queue": self._queue, "count": len(lost)})
