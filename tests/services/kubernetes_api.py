"""The API of the tests' cluster over HTTP: discovery, objects, watches, logs, and faults on demand."""

import asyncio
import copy
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from kubernetes_validate import ValidationError, validate

from tests.services.kubernetes_http import Request, Response
from tests.services.kubernetes_operators import Operators
from tests.services.kubernetes_pods import Kubelet
from tests.services.kubernetes_store import KINDS, PODS, Kind, RefusedError, Store, matches, merge, now

Json = dict[str, Any]
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
BOOKMARK_SECONDS = 0.5


@dataclass(slots=True)
class Fault:
    """What the next calls that fit get instead of an answer."""

    method: str
    part: str
    status: int
    reason: str
    message: str
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Api:
    """One cluster."""

    token: str = ""
    is_validating: bool = True
    store: Store = field(default_factory=Store)
    faults: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    """Method and path of every call, as it came."""
    kubelet: Kubelet = field(init=False)
    controllers: Operators = field(init=False)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.kubelet = Kubelet(self.store)
        self.controllers = Operators(self.store, self.kubelet)

    async def answer(self, request: Request) -> Response:
        self.calls.append(f"{request.method} {request.path}")
        try:
            self._refuse(request)
            return self._route(request)
        except RefusedError as error:
            return Response(error.code, error.to_status(), error.headers)

    def _refuse(self, request: Request) -> None:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            raise RefusedError(401, "Unauthorized", "Unauthorized")
        for fault in self.faults:
            if fault.times and fault.method in {"*", request.method} and fault.part in request.path:
                fault.times -= 1
                raise RefusedError(fault.status, fault.reason, fault.message, fault.headers)

    def _route(self, request: Request) -> Response:
        words = request.path.strip("/").split("/")
        api, rest = ("/".join(words[:2]), words[2:]) if words[0] == "api" else ("/".join(words[:3]), words[3:])
        if not rest:
            return Response(content=_discover(api))
        namespace, rest = (rest[1], rest[2:]) if rest[0] == "namespaces" and len(rest) > 2 else ("", rest)
        kind = next((it for it in KINDS if (it.api, it.plural) == (api, rest[0])), None)
        if kind is None:
            return Response(404, b"404 page not found\n", {"Content-Type": "text/plain"})
        if len(rest) == 1:
            return self._collection(kind, namespace, request)
        found = self.store.get(kind, namespace, rest[1])
        return self._log(found, request) if rest[2:] == ["log"] else self._item(kind, found, request)

    def _collection(self, kind: Kind, namespace: str, request: Request) -> Response:
        if request.method == "POST":
            manifest = request.json()
            if self.is_validating:
                _validate(kind, manifest)
            found = self.store.create(kind, namespace, manifest)
            answer = copy.deepcopy(found)
            self.controllers.created(kind, found)
            return Response(201, answer)
        selector = request.query.get("labelSelector", "")
        if request.query.get("watch") in {"true", "1"}:
            version = int(request.query.get("resourceVersion") or self.store.version)
            if version < self.store.oldest:
                raise RefusedError(410, "Expired", f"too old resource version: {version} ({self.store.oldest})")
            return Response(content=self._watch(kind, namespace, selector, version, request))
        items = self.store.list(kind, namespace, selector)
        metadata = {"resourceVersion": str(self.store.version)}
        return Response(
            content={"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata, "items": items}
        )

    async def _watch(
        self, kind: Kind, namespace: str, selector: str, version: int, request: Request
    ) -> AsyncIterator[bytes]:
        """Send changes after the version, and bookmarks where there are none, until the time is over."""
        until = time.monotonic() + float(request.query.get("timeoutSeconds", 300))
        while time.monotonic() < until:
            if version < self.store.oldest:
                gone = RefusedError(410, "Expired", f"too old resource version: {version} ({self.store.oldest})")
                yield _line("ERROR", gone.to_status())
                return
            fresh = [it for it in self.store.history if it.version > version]
            for change in fresh:
                version = change.version
                is_here = change.kind == kind and namespace in {"", change.found["metadata"]["namespace"]}
                if is_here and matches(change.found, selector):
                    yield _line(change.type, change.found)
            if not fresh and not await self._has_changed() and request.query.get("allowWatchBookmarks") == "true":
                about = {"kind": kind.kind, "apiVersion": kind.api_version}
                yield _line("BOOKMARK", {**about, "metadata": {"resourceVersion": str(self.store.version)}})

    async def _has_changed(self) -> bool:
        try:
            async with asyncio.timeout(BOOKMARK_SECONDS):
                await self.store.changed.wait()
        except TimeoutError:
            return False
        return True

    def _item(self, kind: Kind, found: Json, request: Request) -> Response:
        if request.method == "PATCH":
            if request.headers.get("content-type") != "application/merge-patch+json":
                raise RefusedError(415, "UnsupportedMediaType", "only merge patches are understood here")
            merge(found, request.json())
            self.store.update(kind, found)
        elif request.method == "DELETE":
            return self._delete(kind, found, request.json())
        return Response(content=copy.deepcopy(found))

    def _delete(self, kind: Kind, found: Json, options: Json) -> Response:
        metadata = found["metadata"]
        wanted = (options.get("preconditions") or {}).get("uid")
        if wanted not in {None, metadata["uid"]}:
            words = f"the UID in the precondition ({wanted}) does not match the UID in record ({metadata['uid']})"
            raise RefusedError(
                409, "Conflict", f'Operation cannot be fulfilled on {kind.words} "{metadata["name"]}": {words}'
            )
        if "deletionTimestamp" not in metadata:
            metadata["deletionTimestamp"] = now()
            is_foreground = options.get("propagationPolicy") == "Foreground"
            if is_foreground:
                metadata["finalizers"] = [*metadata.get("finalizers", []), "foregroundDeletion"]
            self.store.update(kind, found)
            work = self.kubelet.end(found) if kind == PODS else None
            work = work or self.controllers.delete(kind, found, is_foreground=is_foreground)
            task = asyncio.ensure_future(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return Response(content=copy.deepcopy(found))

    def _log(self, pod: Json, request: Request) -> Response:
        query = request.query
        name = query.get("container") or pod["spec"]["containers"][0]["name"]
        has_times = query.get("timestamps") == "true"
        log = self.kubelet.log(pod, name, query.get("sinceTime", ""), has_times=has_times)
        if log is None:
            where = f'container "{name}" in pod "{pod["metadata"]["name"]}"'
            raise RefusedError(400, "BadRequest", f"{where} is waiting to start: ContainerCreating")
        limit = int(query["limitBytes"]) if "limitBytes" in query else len(log)
        return Response(content=log[:limit], headers={"Content-Type": "text/plain"})


def _discover(api: str) -> Json:
    found = [it for it in KINDS if it.api == api]
    if not found:
        raise RefusedError(404, "NotFound", "the server could not find the requested resource")
    resources = []
    for it in found:
        about = {"name": it.plural, "kind": it.kind, "singularName": it.kind.lower(), "namespaced": True}
        resources += [{**about, "verbs": VERBS}, {**about, "name": f"{it.plural}/status", "verbs": ["get"]}]
    version = found[0].api_version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


def _line(change: str, found: Json) -> bytes:
    return json.dumps({"type": change, "object": found}).encode() + b"\n"


def _validate(kind: Kind, manifest: Json) -> None:
    """Hold the manifest to Kubernetes' own schema, strictly: a field that it does not know is an error here."""
    if (manifest.get("apiVersion"), manifest.get("kind")) != (kind.api_version, kind.kind):
        raise RefusedError(400, "BadRequest", "the kind in the object does not match the one of the request")
    if kind.group not in {"", "batch"}:
        return
    try:
        validate(manifest, desired_version="1.32", strict=True)
    except ValidationError as error:
        name = manifest["metadata"]["name"]
        raise RefusedError(422, "Invalid", f'{kind.kind} "{name}" is invalid: {error}') from error
