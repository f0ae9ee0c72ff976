"""The face behind a socket: an ASGI application."""

from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HTTPRequest
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from functions.api.http import MAX_BODY_BYTES, Answer, Request
from functions.api.problems import forbidden, too_large
from infra.face.guarding import Respond

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def make_app(respond: Respond, *, is_open: bool) -> Starlette:
    """Return the application. Where it is open to whoever reaches it, it answers only under a name of this machine.

    A web page elsewhere could otherwise give its own name this address, and let a visitor's browser talk to us.
    """

    async def endpoint(request: HTTPRequest) -> Response:
        if is_open and urlsplit(f"//{request.headers.get('host', '')}").hostname not in _LOOPBACK:
            return _to_response(Answer.refuse(forbidden("without a token this server answers only as localhost")))
        try:
            body = await _read_body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return _to_response(Answer.refuse(too_large(MAX_BODY_BYTES)))
        headers = {name.lower(): value for name, value in request.headers.items()}
        found = Request(request.method, request.url.path, dict(request.query_params), headers, body)
        return _to_response(await respond(found))

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=[*METHODS])])


async def _read_body(request: HTTPRequest) -> bytes | None:
    """Return the body, or None where it is too large."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


def _to_response(answer: Answer) -> Response:
    response: Response
    if answer.stream is not None:
        response = StreamingResponse(answer.stream, answer.status, media_type=answer.media_type)
    else:
        response = Response(answer.body, answer.status, media_type=answer.media_type)
    for name, value in answer.headers:
        response.headers.append(name, value)
    return response
