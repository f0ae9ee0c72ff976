"""The HTTP API in Lambda, behind an HttpApi of API Gateway (payload 2.0) or a function URL: `lambda_handler`.

It needs what the other functions need (KUTTAB_DATABASE_URL and the like, KUTTAB_BROKER_URL, KUTTAB_SECRET for Workers
that push), KUTTAB_API_TOKEN unless an authorizer of API Gateway looks at callers, KUTTAB_API_TARGET where Workers run
elsewhere than their kind says, and the layer of the functions, no other. It sends to the queues of
`events` of clients, and of what admit, edit, stop and delete announce (`functions/catalog.py`). Route `$default`.

An answer is whole, so nothing streams: a watch is answered at the first change, or with what there is at its end.
"""

import asyncio
import base64
import gzip
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy.exc import SQLAlchemyError

from functions.api.http import MAX_BODY_BYTES, Answer, Request
from functions.api.problems import too_large, unavailable
from functions.errors import KuttabError
from functions.trial.placement import Placement
from infra.face.guarding import Respond
from infra.face.opening import open_face
from infra.lambda_runtime import ANSWER_SECONDS, Context, connect
from infra.settings import Settings
from infra.store.opening import one_line

log = logging.getLogger("kuttab.lambda")

WATCH_SECONDS = 25.0
"""API Gateway gives an answer 30 seconds."""
PLAIN_BYTES = 512 * 1024
"""A larger answer is compressed for who understands it: Lambda carries 6 MiB."""


def lambda_handler(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Answer one request."""
    seconds = context.get_remaining_time_in_millis() / 1_000 - ANSWER_SECONDS
    return _sandbox().handle(payload, seconds)


@cache
def _sandbox() -> "ApiSandbox":
    return ApiSandbox(Settings.load())


class ApiSandbox:
    """What is kept between requests: one loop, one connection, one face."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._respond: Respond | None = None

    def handle(self, payload: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Answer a payload within its time."""
        request = read_request(payload)
        answer = self._runner.run(self._answer(request, seconds))
        return write_answer(answer, is_compressing="gzip" in request.headers.get("accept-encoding", ""))

    async def _answer(self, request: Request, seconds: float) -> Answer:
        if len(request.body) > MAX_BODY_BYTES:
            return Answer.refuse(too_large(MAX_BODY_BYTES))
        try:
            respond = await self._open()
        except (KuttabError, SQLAlchemyError, OSError) as error:
            log.error("cannot begin", extra={"reason": one_line(error)})  # noqa: TRY400 - one line says it
            return Answer.refuse(unavailable(one_line(error)))
        answer = await respond(_limited(request, seconds))
        if answer.stream is None:
            return answer
        return Answer(answer.status, b"".join([line async for line in answer.stream]))

    async def _open(self) -> Respond:
        """Connect at the first use; where that fails nothing is kept, and the next request tries again."""
        if self._respond is None:
            async with AsyncExitStack() as stack:
                engine, broker = await connect(self._settings, stack)
                placement = Placement(self._settings.api_target or None)
                self._respond = open_face(self._settings, engine, broker.publish, placement=placement, can_stream=False)
                self._stack = stack.pop_all()
        return self._respond

    def close(self) -> None:
        """Let go of the connections and the loop; Lambda itself never does."""
        self._runner.run(self._stack.aclose())
        self._runner.close()


def _limited(request: Request, seconds: float) -> Request:
    """Return the request with an end for its watch that leaves time to answer."""
    if not request.asks("watch"):
        return request
    wanted = request.query.get("timeoutSeconds", "")
    given = float(wanted) if wanted.isdigit() else WATCH_SECONDS
    return replace(request, query={**request.query, "timeoutSeconds": str(min(given, seconds, WATCH_SECONDS))})


def read_request(payload: Mapping[str, Any]) -> Request:
    """Return the request of a payload 2.0; a stage that is not the default one is no part of the path."""
    context = payload["requestContext"]
    stage = f"/{context.get('stage', '$default')}"
    path = str(payload["rawPath"])
    body = str(payload.get("body") or "")
    return Request(
        method=context["http"]["method"],
        path=path.removeprefix(stage) if path.startswith(f"{stage}/") else path,
        query=dict(parse_qsl(payload.get("rawQueryString", ""), keep_blank_values=True)),
        headers={name.lower(): value for name, value in payload.get("headers", {}).items()},
        body=base64.b64decode(body) if payload.get("isBase64Encoded") else body.encode(),
        is_trusted=bool(context.get("authorizer")),
    )


def write_answer(answer: Answer, *, is_compressing: bool) -> dict[str, Any]:
    """Return the answer as API Gateway takes it; headers of one name are joined."""
    headers = {"content-type": answer.media_type}
    for name, value in answer.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    is_text = answer.media_type.startswith(("application/json", "text/"))
    if is_compressing and len(answer.body) > PLAIN_BYTES:
        headers["content-encoding"] = "gzip"
        body, is_text = gzip.compress(answer.body, compresslevel=5), False
    else:
        body = answer.body
    text = body.decode() if is_text else base64.b64encode(body).decode()
    return {"statusCode": answer.status, "headers": headers, "body": text, "isBase64Encoded": not is_text}
