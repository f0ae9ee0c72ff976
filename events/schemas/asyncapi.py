"""The AsyncAPI 3.0 document: which events there are, where they go, and who publishes and who handles them."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from ..envelope import CONTENT_TYPE, Event
from ..types import EVENT_TYPES

VERSION = "1.0.0"
"""Of the set of events: the second number grows with a new event, the first when one is no longer read."""

EXCHANGE = "kuttab.events"

_Json = dict[str, JsonValue]

_OVERVIEW = (
    "Every message is one CloudEvents 1.0 JSON object in structured mode; any language can publish one."
    " Delivery is at least once and unordered: a second delivery of an event changes nothing."
    " On RabbitMQ publish to the topic exchange kuttab.events with the event's type as routing key."
    " On SQS send the same JSON as the body to the queue of the function that handles the event."
)


@dataclass(frozen=True, slots=True)
class Route:
    """Where an event goes, and whether Kuttab publishes it or only clients do."""

    queue: str
    is_published: bool = True
    note: str = ""


ROUTES: Mapping[str, Route] = {
    "kuttab.experiment.created.v1": Route("experiment-admit", is_published=False),
    "kuttab.suggestion.requested.v1": Route("suggestion-suggest"),
    "kuttab.trial.created.v1": Route(
        "trial-launch",
        note="Each target has a queue of its own, trial-launch-TARGET; External Trials wait in"
        " trial-created-external for a client, which answers with trial.finished.",
    ),
    "kuttab.worker.changed.v1": Route("trial-watch"),
    "kuttab.metric.reported.v1": Route("observation-record", note="Workers that push their metrics publish it too."),
    "kuttab.trial.stop_requested.v1": Route("trial-stop"),
    "kuttab.trial.delete_requested.v1": Route("trial-delete", is_published=False),
    "kuttab.trial.finished.v1": Route("trial-settle", note="External Workers publish it too."),
    "kuttab.experiment.edited.v1": Route("experiment-edit", is_published=False),
    "kuttab.experiment.stop_requested.v1": Route("experiment-stop", is_published=False),
    "kuttab.experiment.delete_requested.v1": Route("experiment-delete", is_published=False),
    "kuttab.experiment.finished.v1": Route("experiment-conclude"),
    "kuttab.clock.ticked.v1": Route("clock-reconcile", note="A schedule publishes it where no runner does."),
}
"""The queues are those of the functions' catalogue, which this package cannot import; a test compares them."""


def describe_service() -> _Json:
    """Return the document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Kuttab",
            "version": VERSION,
            "description": _OVERVIEW,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": _servers(),
        "channels": {_key(event): _channel(event) for event in EVENT_TYPES.values()},
        "operations": {name: operation for event in EVENT_TYPES.values() for name, operation in _operations(event)},
        "components": {"messages": {event.__name__: _message(event) for event in EVENT_TYPES.values()}},
    }


def _servers() -> _Json:
    return {
        "rabbitmq": {
            "host": "{host}:5672",
            "protocol": "amqp",
            "protocolVersion": "0.9.1",
            "description": "RabbitMQ with a quorum queue per function.",
            "variables": {"host": {"default": "localhost"}},
        },
        "sqs": {
            "host": "sqs.{region}.amazonaws.com",
            "protocol": "sqs",
            "description": "Amazon SQS with a standard queue and a dead-letter queue per function.",
            "variables": {"region": {"default": "eu-central-1"}},
        },
    }


def _key(event: type[Event]) -> str:
    """Return the name of the event's channel, such as `trialFinished`."""
    return event.__name__[0].lower() + event.__name__[1:]


def _channel(event: type[Event]) -> _Json:
    route = ROUTES[event.type]
    exchange: _Json = {"name": EXCHANGE, "type": "topic", "durable": True, "autoDelete": False, "vhost": "/"}
    return {
        "address": event.type,
        "description": " ".join(filter(None, (_summary(event), route.note))),
        "messages": {event.__name__: {"$ref": f"#/components/messages/{event.__name__}"}},
        "bindings": {
            "amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"},
            "sqs": {"queue": {"name": route.queue, "fifoQueue": False}, "bindingVersion": "0.2.0"},
        },
    }


def _operations(event: type[Event]) -> list[tuple[str, _Json]]:
    """Return what Kuttab itself does with the event: it handles every one, and publishes most."""
    actions = ("receive", "send") if ROUTES[event.type].is_published else ("receive",)
    channel = f"#/channels/{_key(event)}"
    return [
        (
            f"{action}{event.__name__}",
            {
                "action": action,
                "channel": {"$ref": channel},
                "messages": [{"$ref": f"{channel}/messages/{event.__name__}"}],
            },
        )
        for action in actions
    ]


def _message(event: type[Event]) -> _Json:
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": _summary(event),
        "contentType": CONTENT_TYPE,
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./{event.type}.json"},
        },
    }


def _summary(event: type[Event]) -> str:
    return " ".join((event.__doc__ or "").split())
