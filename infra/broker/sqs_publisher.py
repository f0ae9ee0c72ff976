"""Send to SQS: batches within both of its bounds, partial failures tried again, nothing half done in silence."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from events.envelope import MAX_MESSAGE_BYTES, Event, encode
from events.reference import ExperimentEvent
from infra.broker.port import BrokerError
from infra.broker.sqs_link import QueueMissingError, SQSLink, missing

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef, SendMessageBatchResultTypeDef

PAUSES_SECONDS = (0.1, 0.2, 0.4, 0.8)
"""Between the tries of entries that SQS failed; together shorter than a lease."""
BATCH_COUNT = 10
"""Entries of one call: SQS takes no more."""
BATCH_BYTES = 256 * 1024
"""Bodies and attributes of one call: what every region takes; the newest take four times as much."""
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""SQS takes the characters of XML 1.0 only."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way."""

    name: str
    """SQS's name of the queue."""
    body: str
    delay_seconds: int = 0
    group: str = ""
    """For fair queues: whose messages are many does not make the others wait."""
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """What counts against SQS's limits."""
        pairs = sum(len(name.encode()) + len("String") + len(text.encode()) for name, text in self.attributes.items())
        return len(self.body.encode()) + pairs


class SQSPublisher:
    """Sends to any queue."""

    def __init__(self, link: SQSLink) -> None:
        self._link = link

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when SQS has taken every message; one may be sent twice. Raises BrokerError."""
        left, reason = list(messages), ""
        for pause in (*PAUSES_SECONDS, None):
            results = await asyncio.gather(*(self._send(batch) for batch in batches_of(left)))
            left = [message for failed, _ in results for message in failed]
            reason = next((why for _, why in results if why), "")
            if not left:
                return
            if pause is not None:
                await asyncio.sleep(pause)
        raise BrokerError(f"{len(left)} of {len(messages)} messages were not taken by SQS: {reason}")

    async def _send(self, batch: Sequence[Outgoing]) -> tuple[list[Outgoing], str]:
        """Send one batch; return what may be sent again, and why. Raises BrokerError where that would end the same."""
        url = await self._link.url(batch[0].name)
        entries = [_entry(index, message) for index, message in enumerate(batch)]

        def send(client: "SQSClient") -> "SendMessageBatchResultTypeDef":
            return client.send_message_batch(QueueUrl=url, Entries=entries)

        try:
            answer = await self._link.call(send)
        except QueueMissingError as error:
            self._link.forget(batch[0].name)
            raise missing([batch[0].name], self._link.address) from error
        failed = answer.get("Failed", [])
        if lasting := [it for it in failed if it["SenderFault"]]:
            raise BrokerError(f"{batch[0].name}: {lasting[0]['Code']}: {lasting[0].get('Message', 'refused')}")
        return [batch[int(it["Id"])] for it in failed], failed[0]["Code"] if failed else ""


def batches_of(messages: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    """Yield batches of one queue each, within SQS's bounds. Raises BrokerError for a message that is too large."""
    by_queue: defaultdict[str, list[Outgoing]] = defaultdict(list)
    for message in messages:
        by_queue[message.name].append(message)
    for queue in by_queue.values():
        batch: list[Outgoing] = []
        size = 0
        for message in queue:
            if batch and (len(batch) == BATCH_COUNT or size + message.size_bytes > BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(message)
            size += message.size_bytes
        yield batch


def encode_text(event: Event) -> str:
    """Return the plain CloudEvent as text that SQS takes. Raises BrokerError for one that is too large."""
    text = escape(encode(event).decode())
    if (size := len(text.encode())) > MAX_MESSAGE_BYTES:
        raise BrokerError(f"the event {event.type} {event.id} has {size} bytes, more than {MAX_MESSAGE_BYTES}")
    return text


def escape(text: str) -> str:
    """Write what XML 1.0 forbids as JSON's escapes: in JSON it stands in strings only, where they mean the same."""
    return _ILLEGAL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def group_of(event: Event) -> str:
    """Return the message group of fair queues: the namespace, which is who pays for the work."""
    return event.experiment.namespace if isinstance(event, ExperimentEvent) else ""


def _entry(index: int, message: Outgoing) -> "SendMessageBatchRequestEntryTypeDef":
    entry: SendMessageBatchRequestEntryTypeDef = {
        "Id": str(index),
        "MessageBody": message.body,
        "DelaySeconds": message.delay_seconds,
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": text} for name, text in message.attributes.items()
        },
    }
    if message.group:
        entry["MessageGroupId"] = message.group
    return entry
