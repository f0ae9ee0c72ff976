"""The face in Lambda: payloads of API Gateway in, whole answers out."""

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.api.http import Answer
from infra.lambda_api import ApiSandbox, read_request, write_answer
from infra.settings import Settings
from tests.unit.face_rig import EXPERIMENTS, a_manifest
from tests.unit.test_lambda_runtime import ENOUGH_SECONDS, ClosableBroker, broker, settings  # noqa: F401 - fixtures

TOKEN = {"authorization": "Bearer right"}


@pytest.fixture
def sandbox(settings: Settings, broker: ClosableBroker) -> Iterator[ApiSandbox]:  # noqa: F811 - the fixtures
    opened = ApiSandbox(replace(settings, api_token="right"))
    yield opened
    opened.close()


def a_payload(method: str, target: str, body: object = None, **more: Any) -> dict[str, Any]:
    """Return what API Gateway calls the function with."""
    path, _, query = target.partition("?")
    context = {"http": {"method": method, "path": path}, "stage": "$default"}
    payload = {"version": "2.0", "rawPath": path, "rawQueryString": query, "headers": TOKEN, "requestContext": context}
    return {**payload, "body": json.dumps(body), "isBase64Encoded": False, **more}


def ask(sandbox: ApiSandbox, payload: dict[str, Any]) -> tuple[int, Any]:
    answer = sandbox.handle(payload, ENOUGH_SECONDS)
    assert answer["isBase64Encoded"] is False
    return answer["statusCode"], json.loads(answer["body"])


def test_an_experiment_is_created_and_read(sandbox: ApiSandbox, broker: ClosableBroker) -> None:  # noqa: F811 - the fixture
    status, _ = ask(sandbox, a_payload("POST", EXPERIMENTS, a_manifest()))
    found = ask(sandbox, a_payload("GET", f"{EXPERIMENTS}?labelSelector=a%21%3Db"))[1]

    assert status == 201
    assert [item["metadata"]["name"] for item in found["items"]] == ["digits"]
    assert [event.type for event, _ in broker.published] == ["kuttab.suggestion.requested.v1"]


@pytest.mark.parametrize(("token", "status"), [("right", 401), ("", 401)])
def test_nobody_calls_without_a_token_or_an_authorizer(
    settings: Settings,  # noqa: F811 - the fixture
    broker: ClosableBroker,  # noqa: F811 - the fixture
    token: str,
    status: int,
) -> None:
    sandbox = ApiSandbox(replace(settings, api_token=token))
    payload = a_payload("GET", EXPERIMENTS, headers={})
    trusted = {**payload["requestContext"], "authorizer": {"jwt": {"claims": {}}}}

    refused, _ = ask(sandbox, payload)
    taken, _ = ask(sandbox, {**payload, "requestContext": trusted})

    assert (refused, taken) == (status, 200)
    sandbox.close()


def test_a_watch_is_answered_at_once_with_what_is_there(sandbox: ApiSandbox) -> None:
    ask(sandbox, a_payload("POST", EXPERIMENTS, a_manifest()))

    status, found = ask(sandbox, a_payload("GET", f"{EXPERIMENTS}?watch=true"))

    assert (status, found["type"], found["object"]["metadata"]["name"]) == (200, "ADDED", "digits")


def test_a_watch_in_which_nothing_happens_ends_with_its_time(sandbox: ApiSandbox) -> None:
    version = ask(sandbox, a_payload("GET", EXPERIMENTS))[1]["metadata"]["resourceVersion"]

    answer = sandbox.handle(a_payload("GET", f"{EXPERIMENTS}?watch=true&resourceVersion={version}"), 0.05)

    assert (answer["statusCode"], answer["body"]) == (200, "")


def test_a_database_of_another_version_is_an_answer(tmp_path: Path, broker: ClosableBroker) -> None:  # noqa: F811 - the fixture
    away = Settings(broker="sqs://?region=us-east-1", database=f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}")
    sandbox = ApiSandbox(away)

    status, found = ask(sandbox, a_payload("GET", EXPERIMENTS))

    assert (status, found["reason"]) == (503, "ServiceUnavailable")
    sandbox.close()


def test_the_stage_is_no_part_of_the_path() -> None:
    context = {"http": {"method": "GET", "path": "/prod/apis"}, "stage": "prod"}

    request = read_request(a_payload("GET", "/prod/apis", requestContext=context))

    assert request.path == "/apis"


def test_a_binary_body_is_decoded() -> None:
    body = base64.b64encode(b'{"a": 1}').decode()

    request = read_request(a_payload("POST", "/events", isBase64Encoded=True) | {"body": body})

    assert request.read_object() == {"a": 1}


def test_large_answers_are_compressed_for_who_understands_it() -> None:
    large = Answer.of(["x" * 2**20])

    packed = write_answer(large, is_compressing=True)
    plain = write_answer(large, is_compressing=False)

    assert packed["headers"]["content-encoding"] == "gzip"
    assert gzip.decompress(base64.b64decode(packed["body"])) == large.body
    assert plain["body"].encode() == large.body


def test_headers_of_one_name_are_joined() -> None:
    answer = Answer(headers=(("Warning", "a"), ("Warning", "b")))

    assert write_answer(answer, is_compressing=False)["headers"]["Warning"] == "a, b"
