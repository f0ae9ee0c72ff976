"""Follow the ends of Trials in a queue of one's own: it fills while this program is away, and others miss nothing.

    python -m examples.publish.subscribe amqp://guest:guest@localhost/

A second argument is another pattern, such as `kuttab.experiment.finished.v1` or `kuttab.#` for everything.
"""

import asyncio
import json
import sys

import aio_pika

QUEUE = "my-dashboard"
"""One queue per program that wants to see every event; copies of a program share theirs and the work."""


async def follow(url: str, pattern: str) -> None:
    """Print each event, and ack it when it is printed; after an outage it goes on by itself."""
    connection = await aio_pika.connect_robust(url, timeout=10)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=100)
        exchange = await channel.get_exchange("kuttab.events")
        queue = await channel.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        await queue.bind(exchange, pattern)
        print(f"{QUEUE} takes {pattern}", flush=True)
        async with queue.iterator() as messages:
            async for message in messages:
                async with message.process():
                    show(json.loads(message.body))


def show(event: dict[str, object]) -> None:
    """Print what happened to what; every field of the event is in the JSON Schema of its type."""
    data = event["data"]
    assert isinstance(data, dict)
    print(event["type"], event["subject"], data.get("outcome", ""), flush=True)


if __name__ == "__main__":
    url, *patterns = sys.argv[1:]
    asyncio.run(follow(url, patterns[0] if patterns else "kuttab.trial.finished.v1"))
