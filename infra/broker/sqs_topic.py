"""Copies of events for other subscribers, through an SNS topic."""

from collections.abc import Sequence

from events.envelope import Event
from infra.broker.port import BrokerError
from infra.broker.sqs_link import SQSLink
from infra.broker.sqs_publisher import Outgoing, batches_of, encode_text

TYPE_ATTRIBUTE = "type"
"""The event's type, for the filter policies of subscriptions."""


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
