"""The face behind a socket, without the socket: bodies, names of the host, and streams that fail."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from functions.api.http import MAX_BODY_BYTES, Answer, Request
from infra.face.asgi import make_app
from infra.face.guarding import guard

Asked = list[Request]


def an_app(asked: Asked, *, is_open: bool = True) -> Any:
    async def respond(request: Request) -> Answer:
        asked.append(request)
        return Answer.of({"seen": request.path}, headers=(("Warning", "a"), ("Warning", "b")))

    return make_app(respond, is_open=is_open)


async def call(app: Any, *, host: str = "localhost:8080", body: bytes = b"", path: str = "/apis") -> tuple[int, Any]:
    """Return the status and the headers."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"watch=true&labelSelector=a%3Db",
        "headers": [(b"host", host.encode()), (b"accept", b"application/json")],
        "server": ("127.0.0.1", 8080),
        "scheme": "http",
        "http_version": "1.1",
    }
    parts = [body[start : start + 65_536] for start in range(0, max(1, len(body)), 65_536)]
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], sent[0]["headers"]


async def test_a_request_is_handed_on_as_it_came() -> None:
    asked: Asked = []

    status, headers = await call(an_app(asked), body=b"{}", path="/apis/kubeflow.org")

    (request,) = asked
    assert (status, request.method, request.path, request.body) == (200, "GET", "/apis/kubeflow.org", b"{}")
    assert request.query == {"watch": "true", "labelSelector": "a=b"}
    assert request.headers["accept"] == "application/json"
    assert [value for name, value in headers if name == b"warning"] == [b"a", b"b"]


@pytest.mark.parametrize(
    ("host", "is_open", "status"),
    [
        ("127.0.0.1:8080", True, 200),
        ("localhost", True, 200),
        ("[::1]:8080", True, 200),
        ("evil.example:8080", True, 403),
        ("localhost.evil.example", True, 403),
        ("", True, 403),
        ("kuttab.example", False, 200),
    ],
)
async def test_without_a_token_only_names_of_this_machine_are_answered(host: str, is_open: bool, status: int) -> None:
    asked: Asked = []

    code, _ = await call(an_app(asked, is_open=is_open), host=host)

    assert (code, len(asked)) == (status, 1 if status == 200 else 0)


async def test_a_body_that_is_too_large_is_not_read_on() -> None:
    asked: Asked = []

    status, _ = await call(an_app(asked), body=b"x" * (MAX_BODY_BYTES + 1))

    assert (status, asked) == (413, [])


async def test_a_database_that_goes_away_is_an_answer() -> None:
    async def respond(_: Request) -> Answer:
        raise OperationalError("SELECT 1", {}, OSError("no route"))

    answer = await guard(respond)(Request("GET", "/"))

    assert answer.status == 503
    assert b"no route" in answer.body
    assert b"SELECT" not in answer.body


async def test_a_watch_whose_database_goes_away_ends_with_a_status() -> None:
    async def lines() -> AsyncIterator[bytes]:
        yield b"first\n"
        raise OperationalError("SELECT 1", {}, OSError("no route"))

    async def respond(_: Request) -> Answer:
        return Answer(stream=lines())

    answer = await guard(respond)(Request("GET", "/"))
    assert answer.stream is not None
    told = [line async for line in answer.stream]

    assert told[0] == b"first\n"
    assert b'"type":"ERROR"' in told[1]
    assert b'"code":503' in told[1]
