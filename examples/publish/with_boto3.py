"""Submit an Experiment to SQS with boto3 alone: the body is the plain event.

python -m examples.publish.with_boto3 kuttab- examples/publish/experiment.json

The first argument is the deployment's prefix; region, credentials and endpoint come from AWS's own settings.
"""

import json
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3


def created(resource: dict[str, Any]) -> dict[str, Any]:
    """Return the event that asks for this Experiment; the uid is ours to choose and names it for good."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/examples/with_boto3",
        "type": "kuttab.experiment.created.v1",
        "time": datetime.now(UTC).isoformat(),
        "data": {
            "experiment": {"name": resource["metadata"]["name"], "uid": str(uuid.uuid4())},
            "resource": resource,
        },
    }


def publish(prefix: str, event: dict[str, Any]) -> None:
    """Return when SQS has the event; the group is the namespace, so that no tenant waits for another's crowd."""
    sqs = boto3.client("sqs")
    queue = sqs.get_queue_url(QueueName=f"{prefix}experiment-admit")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(event), MessageGroupId="default")


if __name__ == "__main__":
    prefix, file = sys.argv[1:]
    event = created(json.loads(Path(file).read_text()))
    publish(prefix, event)
    print(f"published {event['type']} {event['id']}")
