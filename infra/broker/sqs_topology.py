"""SQS's queues, derived from the catalogue; `template.yaml` declares the same, this is for places without it."""

import asyncio
import json
from collections.abc import Iterable

from functions.catalog import EXTERNAL_QUEUE, is_selector_queue
from infra.broker.port import DELIVERY_LIMIT
from infra.broker.sqs_link import QueueMissingError, SQSLink, missing

VISIBILITY_SECONDS = 60
"""Of a declared queue; who consumes here says its own at each receive."""
RETENTION_SECONDS = 4 * 86_400
DEAD_RETENTION_SECONDS = 14 * 86_400
"""The most there is. A dead letter keeps the age of its message, so this must be longer than the queue's own."""


async def require_queues(link: SQSLink, queues: Iterable[str]) -> None:
    """Declare what is missing where that was asked for, and always what no template can know: a selector's queue.

    Raises QueueMissingError with all that are missing.
    """
    names = {name: queue for queue in queues for name in names_of(link, queue)}
    found = await asyncio.gather(*(_exists(link, name) for name in names))
    absent = [name for name, exists in zip(names, found, strict=True) if not exists]
    if lasting := [it for it in absent if not link.address.can_declare and not is_selector_queue(names[it])]:
        raise missing(lasting, link.address)
    for name in sorted(absent, key=lambda name: not name.endswith("-dead")):  # a queue names its dead letters
        await _declare(link, name)


def names_of(link: SQSLink, queue: str) -> tuple[str, ...]:
    """Return the names that stand behind a catalogue queue: its dead letters and itself.

    Trials for clients of their own have no dead letters: such a client may be away as long as it likes.
    """
    name = link.address.queue_name(queue)
    return (name,) if queue == EXTERNAL_QUEUE else (link.address.dead_name(queue), name)


async def _exists(link: SQSLink, name: str) -> bool:
    try:
        await link.url(name)
    except QueueMissingError:
        return False
    return True


async def _declare(link: SQSLink, name: str) -> None:
    """Make the queue; its dead letters exist by then."""
    is_last = name.endswith("-dead") or name == link.address.queue_name(EXTERNAL_QUEUE)
    attributes = {"MessageRetentionPeriod": str(DEAD_RETENTION_SECONDS if is_last else RETENTION_SECONDS)}
    attributes["VisibilityTimeout"] = str(VISIBILITY_SECONDS)
    if not is_last:
        dead = await link.url(f"{name}-dead")
        answer = await link.call(lambda client: client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"]))
        policy = {"deadLetterTargetArn": answer["Attributes"]["QueueArn"], "maxReceiveCount": DELIVERY_LIMIT}
        attributes["RedrivePolicy"] = json.dumps(policy)
    made = await link.call(lambda client: client.create_queue(QueueName=name, Attributes=attributes))  # type: ignore[arg-type]  # a dict of text is what it is
    link.note(name, made["QueueUrl"])
