"""Publish over HTTP: the API's end point answers when the broker has the event. For who can reach nothing else."""

import json
import random
import ssl
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import parse_qs, unquote, urlsplit

from ..envelope import CONTENT_TYPE, Event
from .errors import PublishError

PATH = "/events"
ANSWER_SECONDS = 30.0
"""One answer of the server, which waits for its broker."""
PAUSE_SECONDS = 0.1
"""Between two attempts; it doubles."""
MAX_PAUSE_SECONDS = 2.0
_LATER = frozenset({408, 425, 429})
_SERVER_ERRORS = 500
_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Server:
    """Where the API is, and what is shown to it."""

    is_secure: bool
    host: str
    port: int | None
    path: str
    token: str = ""
    authorities: str | None = None
    """A file of certificate authorities, instead of the system's."""

    def __str__(self) -> str:
        """Name the server, never the token."""
        port = f":{self.port}" if self.port else ""
        return f"{'https' if self.is_secure else 'http'}://{self.host}{port}{self.path}"

    def connect(self) -> HTTPConnection:
        """Return a connection that is not opened yet."""
        if not self.is_secure:
            return HTTPConnection(self.host, self.port, timeout=ANSWER_SECONDS)
        context = ssl.create_default_context(cafile=self.authorities)
        return HTTPSConnection(self.host, self.port, timeout=ANSWER_SECONDS, context=context)


def read_server(url: str) -> Server:
    """Read `https://[TOKEN@]HOST[:PORT][/BASE][?cafile=FILE]`. Raises PublishError, which does not repeat the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise PublishError(_ADVICE) from None  # the cause quotes the URL
    if not parts.hostname or "@" in parts.path + parts.query + parts.fragment:
        raise PublishError(_ADVICE)
    return Server(
        is_secure=parts.scheme == "https",
        host=parts.hostname,
        port=port,
        path=parts.path.rstrip("/") + PATH,
        token=unquote(parts.password or parts.username or ""),
        authorities=next(iter(parse_qs(parts.query).get("cafile", [])), None),
    )


_ADVICE = "the API's URL must be https://TOKEN@HOST:PORT, with special characters of the token as %2F, %40 and so on"


class HTTPSink:
    """One connection, opened by the first event and again whenever it is lost."""

    def __init__(self, url: str, *, patience_seconds: float) -> None:
        """Read the URL; nobody is called yet. Raises PublishError."""
        self._server = read_server(url)
        self._patience_seconds = patience_seconds
        self._connection: HTTPConnection | None = None

    def put(self, event: Event, body: bytes) -> None:  # noqa: ARG002 - the body says it all
        """Return when the broker has it; after a lost connection the event may be there twice."""
        until, pause = time.monotonic() + self._patience_seconds, PAUSE_SECONDS
        while (problem := self._attempt(body)) is not None:
            if time.monotonic() + pause > until:
                raise PublishError(f"{self._server}: {problem}")
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, MAX_PAUSE_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _attempt(self, body: bytes) -> str | None:
        """Return None when the event is there, or why it may be later. Raises PublishError where it never will."""
        try:
            status, answer = self._post(body)
        except (OSError, HTTPException) as error:
            self.close()
            return _describe(error)
        if status // 100 == 2:  # noqa: PLR2004 - HTTP's class of successes
            return None
        problem = _read_problem(status, answer)
        if status >= _SERVER_ERRORS or status in _LATER:
            return problem
        raise PublishError(f"{self._server}: {problem}")

    def _post(self, body: bytes) -> tuple[int, bytes]:
        self._connection = self._connection or self._server.connect()
        headers = {"Content-Type": CONTENT_TYPE}
        headers |= {"Authorization": f"Bearer {self._server.token}"} if self._server.token else {}
        self._connection.request("POST", self._server.path, body, headers)
        response = self._connection.getresponse()
        answer = response.read(_ANSWER_BYTES)
        if not response.isclosed():  # more than anybody wants to read
            self.close()
        return response.status, answer


def _describe(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the server does not answer"
    said = getattr(error, "strerror", None) or str(error)
    return " ".join(said.split()) or type(error).__name__


def _read_problem(status: int, answer: bytes) -> str:
    """Return the message of a Status, or the number where something else has answered."""
    try:
        message = json.loads(answer)["message"]
    except (ValueError, TypeError, KeyError):
        message = ""
    return f"{status} {' '.join(str(message).split())}".strip()
