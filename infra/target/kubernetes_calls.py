"""The calls to a Kubernetes API server: bounded, tried again where that is harmless, errors in our words.

KubernetesCalls.place       discovery: where objects of this apiVersion and kind live
               .create .get .list .delete
               .log         a pod's log from a second on, as a stream of bytes
               .watch       changes of the objects of a kind
"""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
from lightkube.core.exceptions import ConfigError

from functions.errors import Retry
from infra.target.kubernetes_config import open_client
from infra.target.kubernetes_errors import NOT_FOUND, THROTTLED, UNAUTHORIZED, Answer, KubernetesRefusedError

CALLS_AT_A_TIME = 16
"""Fewer than the client keeps connections open for."""
_TRIES = 5
_PAUSE_SECONDS = 0.2
"""Before the second try; it doubles, with jitter: five tries take some three seconds."""
_LONGEST_PAUSE_SECONDS = 5.0
"""A server that asks for a longer one gets it from the broker's delay, and holds no call here."""
_ERROR_BYTES = 64 * 1024
_WATCH_SECONDS = 300
"""Of one watch: the server ends it then, and the next goes on from the last version."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the objects of a kind live: `apis/batch/v1` and `jobs`."""

    api: str
    plural: str
    is_namespaced: bool = True

    def path(self, namespace: str, name: str = "") -> str:
        """Return the path of one object, or of all; of every namespace where none is named."""
        middle = f"namespaces/{namespace}/" if self.is_namespaced and namespace else ""
        return f"/{self.api}/{middle}{self.plural}" + (f"/{name}" if name else "")


PODS = Place("api/v1", "pods")


class KubernetesCalls:
    """One cluster. The client is made with the first call, and anew where its credentials are no longer accepted."""

    def __init__(self, make_client: Callable[[], httpx2.AsyncClient] = open_client) -> None:
        self._make_client = make_client
        self._client: httpx2.AsyncClient | None = None
        self._retired: httpx2.AsyncClient | None = None
        self._opening = asyncio.Lock()
        self._room = asyncio.Semaphore(CALLS_AT_A_TIME)
        self._places: dict[tuple[str, str], Place] = {}
        self.looked_at: datetime | None = None
        """The time of the server's clock at its last answer."""

    async def close(self) -> None:
        """Close every connection."""
        await self._retire()
        await self._retire()

    async def _retire(self) -> None:
        """Put the client aside, and close the one before it: calls under way may still use the newer."""
        older, self._retired, self._client = self._retired, self._client, None
        if older is not None:
            await older.aclose()

    async def _open(self) -> httpx2.AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._make_client)
            return self._client

    async def place(self, api_version: str, kind: str) -> Place:
        """Return where objects of this kind live. Raises KubernetesRefusedError where the cluster has no such kind."""
        if (api_version, kind) not in self._places:
            api = f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"
            try:
                found = (await self._call("GET", f"/{api}")).get("resources") or []
            except KubernetesRefusedError as error:
                if error.status != NOT_FOUND:
                    raise
                found = []
            for it in found:
                if "/" not in it["name"]:
                    self._places[api_version, it["kind"]] = Place(api, it["name"], bool(it.get("namespaced")))
        if (api_version, kind) not in self._places:
            words = f"the cluster knows no kind {kind} of {api_version}: is its operator installed?"
            raise KubernetesRefusedError(NOT_FOUND, "UnknownKind", words)
        return self._places[api_version, kind]

    async def create(self, place: Place, namespace: str, manifest: Mapping[str, Any]) -> Json:
        """Create an object; a name makes it harmless to ask twice. Raises KubernetesRefusedError, also 409."""
        return await self._call("POST", place.path(namespace), body=manifest)

    async def get(self, place: Place, namespace: str, name: str) -> Json | None:
        """Return the object, or None."""
        try:
            return await self._call("GET", place.path(namespace, name))
        except KubernetesRefusedError as error:
            if error.status == NOT_FOUND and error.reason == "NotFound":
                return None
            raise

    async def list(self, place: Place, namespace: str, **parameters: str) -> Json:
        """Return a list of objects: its `items`, and its metadata with the version that a watch goes on from."""
        return await self._call("GET", place.path(namespace), parameters=parameters)

    async def delete(self, place: Place, namespace: str, name: str, uid: str) -> Json | None:
        """Delete exactly this object and what it owns; None where it is gone, or where another has its name."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground"}
        body = {**options, "preconditions": {"uid": uid}}
        try:
            return await self._call("DELETE", place.path(namespace, name), body=body)
        except KubernetesRefusedError as error:
            if error.status in {NOT_FOUND, 409}:
                return None
            raise

    @contextlib.asynccontextmanager
    async def log(self, namespace: str, pod: str, container: str, *, since: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream a container's log with timestamps, from this moment on. Raises KubernetesRefusedError."""
        parameters = {"container": container, "timestamps": "true"} | ({"sinceTime": since} if since else {})
        async with self._room, self._stream(f"{PODS.path(namespace, pod)}/log", parameters) as response:
            yield response.aiter_bytes()

    async def watch(self, place: Place, namespace: str, selector: str, version: str) -> AsyncIterator[Json]:
        """Yield the events after this version, bookmarks too, until the server ends the watch.

        Raises KubernetesRefusedError, with status 410 where the version is too old.
        """
        parameters = {"watch": "true", "allowWatchBookmarks": "true", "labelSelector": selector}
        parameters |= {"resourceVersion": version, "timeoutSeconds": str(_WATCH_SECONDS)}
        async with self._stream(place.path(namespace), parameters, read_seconds=_WATCH_SECONDS + 30.0) as response:
            async for line in response.aiter_lines():
                event: Json = json.loads(line)
                if event["type"] == "ERROR":
                    raise _to_answer("watch", int(event["object"].get("code") or 500), event["object"]).to_error()
                yield event

    @contextlib.asynccontextmanager
    async def _stream(
        self, path: str, parameters: Mapping[str, str], *, read_seconds: float | None = None
    ) -> AsyncIterator[httpx2.Response]:
        client = await self._open()
        request = client.build_request("GET", path, params=dict(parameters))
        if read_seconds is not None:
            request.extensions["timeout"] = {**request.extensions["timeout"], "read": read_seconds}
        try:
            response = await client.send(request, stream=True)
            try:
                if response.is_error:
                    text = (await response.aread())[:_ERROR_BYTES]
                    raise _answer_of(f"GET {path}", response, text).to_error()
                yield response
            finally:
                await response.aclose()
        except (httpx2.HTTPError, ConfigError, OSError) as error:
            raise Retry(f"GET {path}: {_words(error)}") from error

    async def _call(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Json:
        """Call, and again where the server was busy or away: each of our calls may be made twice."""
        for nth in range(1, _TRIES + 1):
            async with self._room:
                answer = await self._try(method, path, parameters, body)
            if isinstance(answer, dict):
                return answer
            pause = answer.retry_after_seconds or _PAUSE_SECONDS * 2**nth * random.uniform(0.5, 1.0)
            is_renewed = answer.status == UNAUTHORIZED and nth == 1
            if is_renewed:
                await self._retire()
            elif answer.status == UNAUTHORIZED or not answer.is_passing or nth == _TRIES:
                raise answer.to_error()
            if pause > _LONGEST_PAUSE_SECONDS:
                raise answer.to_error()
            await asyncio.sleep(0 if is_renewed else pause)
        raise AssertionError("the last try returns or raises")

    async def _try(
        self, method: str, path: str, parameters: Mapping[str, str] | None, body: Mapping[str, Any] | None
    ) -> Json | Answer:
        client = await self._open()
        try:
            response = await client.request(method, path, params=dict(parameters or {}), json=body)
        except httpx2.HTTPError as error:
            return Answer(f"{method} {path}", 503, "Unreachable", _words(error))
        except (ConfigError, OSError) as error:  # a plugin or a file that gives the token
            return Answer(f"{method} {path}", UNAUTHORIZED, "Unauthorized", _words(error))
        self._note_time(response)
        if response.is_error:
            return _answer_of(f"{method} {path}", response, response.content)
        found: Json = response.json()
        return found

    def _note_time(self, response: httpx2.Response) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self.looked_at = parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)


def _answer_of(operation: str, response: httpx2.Response, text: bytes) -> Answer:
    """Read a Status object; what stands between us and the server may answer with something else."""
    try:
        status = json.loads(text)
    except ValueError:
        status = {"message": text.decode(errors="replace").strip()}
    status = status if isinstance(status, dict) else {}
    after = response.headers.get("Retry-After", "")
    seconds = float(after) if response.status_code >= THROTTLED and after.isdecimal() else None
    return _to_answer(operation, response.status_code, status, seconds)


def _to_answer(operation: str, code: int, status: Mapping[str, Any], seconds: float | None = None) -> Answer:
    reason = str(status.get("reason") or httpx2.codes.get_reason_phrase(code) or code)
    return Answer(operation, code, reason, str(status.get("message") or reason), seconds)


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
