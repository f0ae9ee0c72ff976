"""Copies of events for other subscribers, through an SNS topic."""

from collections.abc import Iterator, Sequence

from events.envelope import Event, MalformedEventError, decode
from functions.catalog import CLIENT_TYPES
from functions.identity import SOURCE
from infra.broker.port import BrokerError, Delivery
from infra.broker.sqs_link import SQSLink
from infra.broker.sqs_publisher import Outgoing, batches_of, encode_text
from infra.broker.unwrap import unwrap

TYPE_ATTRIBUTE = "type"
"""The event's type, for the filter policies of subscriptions."""


async def copy_to_topic(link: SQSLink, deliveries: Sequence[Delivery]) -> None:
    """Publish what clients have sent to their queues by themselves, when it has been handled. Raises BrokerError."""
    await publish_to_topic(link, list(_of_clients(deliveries)))


async def publish_to_topic(link: SQSLink, events: Sequence[Event]) -> None:
    """Return when the topic has taken all; what was refused is published again by the redelivery of its cause.

    Raises BrokerError.
    """
    topic = link.address.topic
    messages = [Outgoing(topic, encode_text(event), attributes={TYPE_ATTRIBUTE: event.type}) for event in events]
    for batch in batches_of(messages):  # SNS's bounds are SQS's
        answer = await link.call_topic(
            lambda client, batch=batch: client.publish_batch(  # type: ignore[misc]  # mypy infers no type for a default
                TopicArn=topic,
                PublishBatchRequestEntries=[
                    {
                        "Id": str(index),
                        "Message": message.body,
                        "MessageAttributes": {
                            name: {"DataType": "String", "StringValue": text}
                            for name, text in message.attributes.items()
                        },
                    }
                    for index, message in enumerate(batch)
                ],
            )
        )
        if failed := answer.get("Failed", []):
            raise BrokerError(f"{topic}: {failed[0]['Code']}: {failed[0].get('Message', 'refused')}")


def _of_clients(deliveries: Sequence[Delivery]) -> Iterator[Event]:
    """Yield the events that no function has published, each with its first delivery: what is postponed comes again."""
    for delivery in deliveries:
        try:
            event = decode(unwrap(delivery.body))
        except MalformedEventError:
            continue
        if event.type in CLIENT_TYPES and event.source != SOURCE and not event.redelivery:
            yield event
