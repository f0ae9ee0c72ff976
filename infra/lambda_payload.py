"""What Lambda hands over, as deliveries: records of an SQS event source, or one event of EventBridge itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.catalog import SUBSCRIPTIONS, Subscription, subscription_of
from functions.errors import KuttabError
from infra.broker.port import Delivery


@dataclass(frozen=True, slots=True)
class Record:
    """What a delivery of Lambda's event source is known by."""

    message_id: str
    receipt_handle: str = ""


class PayloadError(KuttabError):
    """This function was called with something else than its queue's records: look at its event source mapping."""


def read_payload(payload: Mapping[str, Any], function: str, *, prefix: str) -> list[Delivery]:
    """Return the deliveries, whose token is a Record.

    A payload without records is a body by itself, as EventBridge or a person calls a function. Raises PayloadError.
    """
    if "Records" not in payload:
        queue = next(it.queue for it in SUBSCRIPTIONS if it.function == function)
        return [Delivery(queue, json.dumps(payload).encode(), token=Record(""))]
    try:
        return [_read_record(record, function, prefix) for record in payload["Records"]]
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise PayloadError(f"Records: not as SQS's event source writes them: {error!r:.200}") from error


def _read_record(record: Mapping[str, Any], function: str, prefix: str) -> Delivery:
    name = str(record["eventSourceARN"]).rpartition(":")[2]
    subscription = _subscription(name, prefix)
    if subscription is None or subscription.function != function:
        raise PayloadError(f"queue {name}: {function} does not read it; its prefix must be {prefix!r}")
    count = int(record["attributes"]["ApproximateReceiveCount"])
    token = Record(record["messageId"], record["receiptHandle"])
    return Delivery(name.removeprefix(prefix), record["body"].encode(), count, token)


def _subscription(name: str, prefix: str) -> Subscription | None:
    return subscription_of(name.removeprefix(prefix)) if name.startswith(prefix) else None
