"""SQS's faults, put between boto3 and the server: botocore answers itself, and its retries are the real ones."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from botocore.awsrequest import AWSResponse

from infra.broker.sqs import SQSBroker
from infra.broker.sqs_link import SQSLink

Answer = Callable[[bytes], tuple[int, Any]]
"""Make the status and the content of SQS's answer from the body of the call."""


async def break_sqs(client: SQSLink | SQSBroker, operation: str, *answers: Answer) -> list[bytes]:
    """Let SQS answer the next calls so, and the later ones as it does; return the bodies of all calls."""
    link = client._link if isinstance(client, SQSBroker) else client
    left, calls = iter(answers), list[bytes]()

    def answer(request: Any, **_: object) -> AWSResponse | None:
        calls.append(request.body)
        broken = next(left, None)
        if broken is None:
            return None
        status, content = broken(request.body)
        return AWSResponse(request.url, status, {"Content-Type": "application/x-amz-json-1.0"}, _Raw(content))

    (await link.client()).meta.events.register(f"before-send.sqs.{operation}", answer)
    return calls


class _Raw:
    """What botocore reads an answer's content from."""

    def __init__(self, content: Any) -> None:
        self._content = json.dumps(content).encode()

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._content


def throttled(_: bytes) -> tuple[int, Any]:
    return 400, {"__type": "com.amazonaws.sqs#ThrottlingException", "message": "Rate exceeded"}


def internal_error(_: bytes) -> tuple[int, Any]:
    return 500, {"__type": "com.amazonaws.sqs#InternalError", "message": "try again"}


def fails_entry(entry: str, *, by_sender: bool) -> Answer:
    """Fail one entry of a batch."""

    def answer(body: bytes) -> tuple[int, Any]:
        ids = [it["Id"] for it in json.loads(body)["Entries"]]
        failed = [{"Id": entry, "SenderFault": by_sender, "Code": "InternalError", "Message": "not this one"}]
        return 200, {"Successful": [{"Id": it} for it in ids if it != entry], "Failed": failed}

    return answer
