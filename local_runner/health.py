"""`GET /healthz` of a long-lived process: 200 while it does its work, 503 with the reason while it does not."""

import asyncio
import json
from collections.abc import Callable, Sequence

_REQUEST_BYTES = 8_192
_TIMEOUT_SECONDS = 5.0


async def serve_health(port: int, problems: Callable[[], Sequence[str]]) -> asyncio.Server:
    """Answer on 127.0.0.1; `problems` says what is wrong now."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(request, problems()))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", port, limit=_REQUEST_BYTES)


def _response(request: bytes, found: Sequence[str]) -> bytes:
    path = request.split(b" ", 2)[1] if request.count(b" ") > 1 else b""
    status = "404 Not Found" if path != b"/healthz" else "503 Service Unavailable" if found else "200 OK"
    body = json.dumps({"status": "failing" if found else "ok", "problems": list(found)}).encode() + b"\n"
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body
