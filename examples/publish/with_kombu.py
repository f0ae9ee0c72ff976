"""Submit an Experiment with kombu alone, as any Celery shop has it: on AMQP the body stays the plain event.

python -m examples.publish.with_kombu amqp://guest:guest@localhost/ examples/publish/experiment.json
"""

import json
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kombu import Connection


def created(resource: dict[str, Any]) -> dict[str, Any]:
    """Return the event that asks for this Experiment; the uid is ours to choose and names it for good."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/examples/with_kombu",
        "type": "kuttab.experiment.created.v1",
        "time": datetime.now(UTC).isoformat(),
        "data": {
            "experiment": {"name": resource["metadata"]["name"], "uid": str(uuid.uuid4())},
            "resource": resource,
        },
    }


def publish(url: str, event: dict[str, Any]) -> None:
    """Return when the broker has the event in a queue; kombu's ChannelError where no queue takes it."""
    options = {"confirm_publish": True, "read_timeout": 30, "write_timeout": 30}
    with Connection(url, connect_timeout=5, transport_options=options) as connection:
        connection.ensure_connection(max_retries=3, interval_start=0.5)
        connection.Producer().publish(
            json.dumps(event),
            exchange="kuttab.events",
            routing_key=event["type"],
            mandatory=True,
            content_type="application/cloudevents+json",
            content_encoding="utf-8",
            delivery_mode="persistent",
            message_id=event["id"],
            type=event["type"],
        )


if __name__ == "__main__":
    url, file = sys.argv[1:]
    event = created(json.loads(Path(file).read_text()))
    publish(url, event)
    print(f"published {event['type']} {event['id']}")
