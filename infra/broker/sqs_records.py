"""What Lambda's SQS event source hands to a function, and how it reads the answer."""

import base64
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import MessageAttributeValueOutputTypeDef, MessageTypeDef

Record = dict[str, object]
"""One message as a function gets it, in lower camel case."""


def record_of(message: "MessageTypeDef", *, arn: str) -> Record:
    """Return a received message as Lambda writes it; `arn` is the queue's."""
    attributes = message.get("MessageAttributes", {})
    record: Record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": arn.split(":")[3],
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _attribute(value: "MessageAttributeValueOutputTypeDef") -> Record:
    found: Record = {"dataType": value["DataType"], "stringListValues": [], "binaryListValues": []}
    if "StringValue" in value:
        found["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        found["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return found


def failed_ids(answer: object, ids: Collection[str]) -> set[str]:
    """Return which messages of a batch the answer reports as failed, by the rules of ReportBatchItemFailures.

    Nothing, an empty answer and an empty or absent list mean that all went well. An answer of another form, or one
    that names a message wrongly, means that all failed: nothing is deleted that may not have been handled.
    """
    if answer is None or answer == {}:
        return set()
    if not isinstance(answer, dict):
        return set(ids)
    items = answer.get("batchItemFailures")
    if items is None:
        return set()
    if not isinstance(items, list):
        return set(ids)
    named = {str(item.get("itemIdentifier")) if isinstance(item, dict) else "" for item in items}
    is_understood = named.issubset(ids)
    return named if is_understood else set(ids)
