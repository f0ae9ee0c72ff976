"""Submit an Experiment to SQS with kombu, as a Celery shop does: kombu wraps the body, and the functions unwrap it.

python -m examples.publish.with_kombu_sqs kuttab- examples/publish/experiment.json

The first argument is the deployment's prefix; region, credentials and endpoint come from AWS's own settings.
"""

import json
import sys
from pathlib import Path
from typing import Any

import boto3
from kombu import Connection

from examples.publish.with_kombu import created


def publish(prefix: str, event: dict[str, Any]) -> None:
    """Return when SQS has the event."""
    name = f"{prefix}experiment-admit"
    url = boto3.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
    with Connection("sqs://", transport_options={"predefined_queues": {name: {"url": url}}}) as connection:
        connection.Producer().publish(
            json.dumps(event),
            exchange="",
            routing_key=name,
            content_type="application/cloudevents+json",
            content_encoding="utf-8",
            MessageGroupId="default",
        )


if __name__ == "__main__":
    prefix, file = sys.argv[1:]
    event = created(json.loads(Path(file).read_text()))
    publish(prefix, event)
    print(f"published {event['type']} {event['id']}")
