"""Messages a second through SQSEventSource, and through bare boto3, both on moto's server in a process of its own.

Prints one JSON object: {"messages_per_s": …, "raw_boto3_messages_per_s": …, "ratio": …}. Each receives in tens and
deletes in tens; the source also builds Lambda's event, calls a function and reads its answer.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from types_boto3_sqs import SQSClient

from infra.broker.sqs_address import read_sqs_address
from infra.broker.sqs_link import SQSLink
from infra.broker.sqs_source import Mapping, SQSEventSource
from tests.services.moto_sqs import CREDENTIALS, REGION

MESSAGE_COUNT = 1_000
DEPTH_COUNT = 200
"""Messages that wait at a time: moto looks at each of them for every message that it hands out."""
BODY = json.dumps({"specversion": "1.0", "data": "x" * 400})


@contextmanager
def moto() -> Iterator[str]:
    """Start moto's server and name its endpoint."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.services.moto_sqs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        yield server.stdout.readline().strip()
        server.stdin.close()


def fill(client: SQSClient, url: str) -> None:
    for start in range(0, DEPTH_COUNT, 10):
        entries = [{"Id": str(start + index), "MessageBody": BODY} for index in range(10)]
        client.send_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]


def drain(client: SQSClient, url: str) -> None:
    """Do by hand what the source does, one call after another."""
    left = DEPTH_COUNT
    while left:
        messages = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        entries = [{"Id": str(index), "ReceiptHandle": it["ReceiptHandle"]} for index, it in enumerate(messages)]
        client.delete_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]
        left -= len(messages)


async def poll(link: SQSLink) -> None:
    """Let the source drain the queue."""
    source = SQSEventSource(link, "bench", lambda _: {"batchItemFailures": []}, Mapping())
    running = asyncio.create_task(source.run())
    while source.counts["deleted"] < DEPTH_COUNT and not running.done():  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def main() -> None:
    os.environ.update(CREDENTIALS)
    seconds = {"source": 0.0, "raw": 0.0}
    with moto() as endpoint:
        client = boto3.client("sqs", endpoint_url=endpoint, region_name=REGION)
        link = SQSLink(read_sqs_address(f"sqs://?region={REGION}&endpoint={endpoint}&wait=0"))
        url = client.create_queue(QueueName="bench")["QueueUrl"]
        for _ in range(MESSAGE_COUNT // DEPTH_COUNT):  # by turns, so that a busy machine is as busy for both
            fill(client, url)
            begun = time.perf_counter()
            drain(client, url)
            seconds["raw"] += time.perf_counter() - begun
            fill(client, url)
            begun = time.perf_counter()
            await poll(link)
            seconds["source"] += time.perf_counter() - begun
        link.close()
    source, raw = MESSAGE_COUNT / seconds["source"], MESSAGE_COUNT / seconds["raw"]
    result = {"messages_per_s": source, "raw_boto3_messages_per_s": raw, "ratio": source / raw}
    print(json.dumps({name: round(value, 2) for name, value in result.items()}))


if __name__ == "__main__":
    asyncio.run(main())
