"""What is said to SQS about messages that were received: delete them, or when they may come again."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from infra.broker.port import BrokerError, Delivery
from infra.broker.sqs_link import SQSLink

if TYPE_CHECKING:
    from infra.broker.sqs_consumer import SQSConsumer

log = logging.getLogger("kuttab.sqs")

BATCH_COUNT = 10
"""Entries of one call: SQS takes no more."""
PAUSES_SECONDS = (0.1, 0.4)
"""Between the tries of entries that SQS failed; what is left comes again, and handlers are idempotent."""


@dataclass(eq=False, slots=True)
class Receipt:
    """What a delivery is acked by."""

    queue_url: str
    handle: str
    consumer: "SQSConsumer | None" = None
    """Who holds it here; in Lambda the event source does."""
    is_settled: bool = False
    """Acked or given back: nothing more is said about this delivery."""


def receipts_of(deliveries: Iterable[Delivery]) -> list[Receipt]:
    """Return the receipts that are still to be answered for."""
    tokens = (delivery.token for delivery in deliveries)
    return [token for token in tokens if isinstance(token, Receipt) and not token.is_settled]


async def delete(link: SQSLink, receipts: Sequence[Receipt]) -> None:
    """Delete messages; a receipt that has expired is passed over. Raises BrokerError."""
    left = list(receipts)
    for pause in (*PAUSES_SECONDS, None):
        results = await asyncio.gather(*(_delete(link, batch) for batch in _batches(left)))
        left = [receipt for failed in results for receipt in failed]
        if not left:
            return
        if pause is not None:
            await asyncio.sleep(pause)
    raise BrokerError(f"{len(left)} messages could not be deleted: they come again")


async def _delete(link: SQSLink, batch: Sequence[Receipt]) -> list[Receipt]:
    """Delete one batch; return what may be tried again."""
    url = batch[0].queue_url
    answer = await link.call(
        lambda client: client.delete_message_batch(
            QueueUrl=url, Entries=[{"Id": str(index), "ReceiptHandle": it.handle} for index, it in enumerate(batch)]
        )
    )
    failed = answer.get("Failed", [])
    for it in failed:
        if it["SenderFault"]:
            log.info("a receipt has expired", extra={"queue": url, "reason": it.get("Message", it["Code"])})
    return [batch[int(it["Id"])] for it in failed if not it["SenderFault"]]


async def hide(link: SQSLink, seconds: Mapping[Receipt, int]) -> list[Receipt]:
    """Let these messages come again after so many seconds; return those that are no longer ours. Raises BrokerError."""
    found = await asyncio.gather(*(_hide(link, batch, seconds) for batch in _batches(seconds)))
    return [receipt for gone in found for receipt in gone]


async def _hide(link: SQSLink, batch: Sequence[Receipt], seconds: Mapping[Receipt, int]) -> list[Receipt]:
    answer = await link.call(
        lambda client: client.change_message_visibility_batch(
            QueueUrl=batch[0].queue_url,
            Entries=[
                {"Id": str(index), "ReceiptHandle": it.handle, "VisibilityTimeout": seconds[it]}
                for index, it in enumerate(batch)
            ],
        )
    )
    return [batch[int(it["Id"])] for it in answer.get("Failed", []) if it["SenderFault"]]


def _batches(receipts: Iterable[Receipt]) -> Iterator[list[Receipt]]:
    """Yield batches of one queue each."""
    by_queue: defaultdict[str, list[Receipt]] = defaultdict(list)
    for receipt in receipts:
        by_queue[receipt.queue_url].append(receipt)
    for queue in by_queue.values():
        waiting = iter(queue)
        while batch := list(islice(waiting, BATCH_COUNT)):
            yield batch
