"""Submit an Experiment with aio-pika alone: the event is JSON, and needs no code of Kuttab's.

python -m examples.publish.with_aio_pika amqp://guest:guest@localhost/ examples/publish/experiment.json
"""

import asyncio
import json
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aio_pika


def created(resource: dict[str, Any]) -> dict[str, Any]:
    """Return the event that asks for this Experiment; the uid is ours to choose and names it for good."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/examples/with_aio_pika",
        "type": "kuttab.experiment.created.v1",
        "time": datetime.now(UTC).isoformat(),
        "data": {
            "experiment": {"name": resource["metadata"]["name"], "uid": str(uuid.uuid4())},
            "resource": resource,
        },
    }


async def publish(url: str, event: dict[str, Any]) -> None:
    """Return when the broker has the event in a queue; DeliveryError where no queue takes it."""
    async with await aio_pika.connect(url, timeout=10) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange("kuttab.events")
        message = aio_pika.Message(
            json.dumps(event).encode(),
            content_type="application/cloudevents+json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=event["id"],
            type=event["type"],
        )
        await exchange.publish(message, routing_key=event["type"], mandatory=True, timeout=30)


if __name__ == "__main__":
    url, file = sys.argv[1:]
    event = created(json.loads(Path(file).read_text()))
    asyncio.run(publish(url, event))
    print(f"published {event['type']} {event['id']}")
