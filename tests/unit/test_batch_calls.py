"""What BatchCalls makes of AWS's answers, said by a hook in botocore: nothing goes over a network."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from functions.errors import Retry
from infra.target import batch_calls
from infra.target.batch_calls import BatchCalls
from infra.target.batch_errors import AwsRefusedError
from infra.target.batch_request import JobRequest
from infra.target.token_bucket import TokenBucket

REQUEST = JobRequest("name", "queue", {"jobName": "name", "jobQueue": "queue", "jobDefinition": "definition"})


class _Raw(BytesIO):
    def stream(self) -> Iterator[bytes]:
        yield self.read()


class Amazon:
    """Answers as it was told to, one answer a request."""

    def __init__(self, *answers: tuple[int, dict[str, Any]] | Exception) -> None:
        self.answers = list(answers)
        self.requests = 0

    def __call__(self, request: Any, **_: Any) -> AWSResponse:
        self.requests += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        error = {"x-amzn-errortype": str(body.get("code"))} if "code" in body else {}
        return AWSResponse(request.url, status, error, _Raw(json.dumps(body).encode()))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchCalls]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "toy")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(batch_calls, "_SUBMIT_PAUSE_SECONDS", 0.001)
    opened = BatchCalls()
    yield opened
    opened.close()


def listen(client: Any, *answers: tuple[int, dict[str, Any]] | Exception) -> Amazon:
    amazon = Amazon(*answers)
    client.meta.events.register("before-send.*", amazon)
    return amazon


THROTTLED = (429, {"code": "TooManyRequestsException", "message": "Too Many Requests"})


async def test_a_throttled_submission_is_tried_again(calls: BatchCalls) -> None:
    amazon = listen(calls._submitter, THROTTLED, THROTTLED, (200, {"jobId": "id", "jobName": "name"}))

    assert await calls.submit(REQUEST) == "id"
    assert amazon.requests == 3


async def test_a_submission_that_stays_throttled_comes_back_later(calls: BatchCalls) -> None:
    amazon = listen(calls._submitter, *[THROTTLED] * 5)

    with pytest.raises(Retry, match="SubmitJob is throttled: Too Many Requests"):
        await calls.submit(REQUEST)

    assert amazon.requests == 5


@pytest.mark.parametrize(
    "answer",
    [
        (500, {"code": "ServerException", "message": "Internal error"}),
        (503, {"code": "Unknown", "message": "away"}),
        ReadTimeoutError(endpoint_url="https://batch"),
    ],
)
async def test_a_submission_that_nobody_knows_the_end_of_is_sent_once(
    calls: BatchCalls, answer: tuple[int, dict[str, Any]] | Exception
) -> None:
    amazon = listen(calls._submitter, answer, answer, answer)

    with pytest.raises(Retry) as later:
        await calls.submit(REQUEST)

    assert amazon.requests == 1
    assert later.value.delay_seconds == batch_calls.LISTING_LAG_SECONDS


@pytest.mark.parametrize(
    ("code", "status"), [("ClientException", 400), ("AccessDeniedException", 403), ("UnrecognizedClientException", 403)]
)
async def test_what_aws_refuses_is_refused_with_its_words(calls: BatchCalls, code: str, status: int) -> None:
    listen(calls._submitter, (status, {"code": code, "message": "no"}))

    with pytest.raises(AwsRefusedError, match=f"SubmitJob: {code}: no") as refused:
        await calls.submit(REQUEST)

    assert refused.value.code == code


async def test_an_expired_token_may_be_renewed(calls: BatchCalls) -> None:
    listen(calls._submitter, (403, {"code": "ExpiredTokenException", "message": "expired"}))

    with pytest.raises(Retry, match="ExpiredTokenException"):
        await calls.submit(REQUEST)


async def test_a_list_goes_on_over_its_pages(calls: BatchCalls) -> None:
    pages = [
        {"jobSummaryList": [{"jobId": "1", "jobName": "name"}, {"jobId": "2", "jobName": "NAME"}], "nextToken": "t"},
        {"jobSummaryList": [{"jobId": "3", "jobName": "name"}]},
    ]
    listen(calls._batch, *[(200, page) for page in pages])

    assert await calls.list("queue", "name") == ["1", "3"]


async def test_a_bucket_lets_calls_through_at_its_rate() -> None:
    now, slept = [100.0], []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    bucket = TokenBucket(50.0, now=lambda: now[0], sleep=sleep)
    for _ in range(4):
        await bucket.take()

    assert slept == pytest.approx([0.02, 0.04, 0.06])
