"""A small HTTP/1.1 server on asyncio: enough for clients of a Kubernetes API, streams included."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One request, read."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Json:
        return json.loads(self.body or b"{}")


@dataclass(slots=True)
class Response:
    """An answer: an object, text, or a stream of bytes."""

    status: int = 200
    content: Json | bytes | AsyncIterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)


Answer = Callable[[Request], Awaitable[Response]]


async def serve(answer: Answer, port: int = 0) -> asyncio.Server:
    """Listen on 127.0.0.1."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await _read(reader):
                await _write(writer, await answer(request))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(talk, "127.0.0.1", port, limit=1 << 20)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    parts = urlsplit(target)
    return Request(method, unquote(parts.path), dict(parse_qsl(parts.query)), headers, body)


async def _write(writer: asyncio.StreamWriter, response: Response) -> None:
    content, headers = response.content, {"Date": formatdate(usegmt=True), **response.headers}
    if isinstance(content, dict):
        content, headers["Content-Type"] = json.dumps(content).encode(), "application/json"
    if isinstance(content, bytes):
        headers["Content-Length"] = str(len(content))
    else:
        headers["Transfer-Encoding"] = "chunked"
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    if isinstance(content, bytes):
        writer.write(content)
    else:
        await writer.drain()
        async for part in content:
            writer.write(b"%x\r\n%s\r\n" % (len(part), part))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
    await writer.drain()
