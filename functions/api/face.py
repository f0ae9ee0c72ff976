"""The face: a request in, an answer out, the same behind a socket and in Lambda."""

import hmac
from dataclasses import dataclass, field
from http import HTTPStatus

from pydantic import JsonValue

from functions.api import openapi, receiving
from functions.api.details import Details
from functions.api.discovery import discover
from functions.api.http import Answer, Request
from functions.api.kinds import Kind, find_kind
from functions.api.ports import Commands, Logs, Pace, Reader
from functions.api.problems import ApiError, method_not_allowed, no_such_path, unauthorized, unavailable
from functions.api.reading import Reading
from functions.api.writing import Writing
from functions.errors import TransientError
from functions.limits import Limits
from functions.observation.tokens import Tokens
from functions.trial.placement import Placement

_HEALTH = frozenset({"/healthz", "/livez", "/readyz"})


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call."""

    token: str = ""
    """The bearer token of everybody who may."""
    tokens: Tokens = field(default_factory=Tokens)
    """What Workers show for their own Trials."""
    is_open: bool = False
    """Whether whoever reaches the server may do everything, where there is no token."""

    def knows(self, request: Request) -> bool:
        """Tell whether the caller may do everything."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        is_ours = scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self.token.encode())
        return request.is_trusted or (is_ours if self.token else self.is_open)


@dataclass(frozen=True, slots=True)
class Place:
    """What a path names; without a namespace all of them are meant."""

    kind: Kind
    namespace: str | None = None
    name: str = ""
    part: str = ""

    def __str__(self) -> str:
        """Name it for messages."""
        return "/".join(filter(None, (self.kind.words, self.name, self.part)))


class Face:
    """Answers requests."""

    def __init__(
        self,
        reader: Reader,
        commands: Commands,
        logs: Logs,
        pace: Pace,
        *,
        access: Access,
        placement: Placement,
        limits: Limits,
        can_stream: bool,
    ) -> None:
        self._access = access
        self._commands = commands
        self._reading = Reading(reader, pace, can_stream=can_stream)
        self._writing = Writing(reader, commands, placement)
        self._details = Details(reader, logs, pace, limits)

    async def answer(self, request: Request) -> Answer:
        """Answer; whatever is wrong with the request becomes a Status."""
        try:
            return await self._answer(request)
        except ApiError as error:
            return Answer.refuse(error)
        except TransientError as error:
            return Answer.refuse(unavailable(str(error)))

    async def _answer(self, request: Request) -> Answer:
        if request.path in _HEALTH:
            return Answer(body=b"ok", media_type="text/plain")
        is_known = self._access.knows(request)
        if request.path == receiving.PATH and request.method == "POST":
            tokens = self._access.tokens
            return await receiving.receive(request, commands=self._commands, tokens=tokens, is_known=is_known)
        if not is_known:
            raise unauthorized()
        place = _find_place(request.path)
        return await (self._resource(request, place) if place else self._document(request))

    async def _document(self, request: Request) -> Answer:
        """Answer with what the server says of itself. Raises ApiError."""
        path = request.path.rstrip("/")
        if request.method not in {"GET", "HEAD"}:
            raise method_not_allowed(request.method, path)
        if path == "/openapi/v2":
            return Answer(body=openapi.EMPTY_V2, media_type=openapi.V2_TYPE)
        if path.startswith("/api/v1/namespaces"):
            return await self._namespaces(path.removeprefix("/api/v1/namespaces").strip("/"))
        found = openapi.describe(path) or discover(path)
        if found is None:
            raise no_such_path()
        return Answer.of(found)

    async def _namespaces(self, name: str) -> Answer:
        """Answer with the namespaces, of which every one is there as soon as somebody names it. Raises ApiError."""
        if "/" in name:
            raise no_such_path()
        if name:
            return Answer.of({"apiVersion": "v1", **_namespace(name)})
        items: list[JsonValue] = [_namespace(it) for it in await self._reading.namespaces()]
        return Answer.of({"kind": "NamespaceList", "apiVersion": "v1", "metadata": {}, "items": items})

    async def _resource(self, request: Request, place: Place) -> Answer:
        """Do with the place what the method says. Raises ApiError."""
        kind, namespace, name = place.kind, place.namespace, place.name
        match request.method, bool(name), place.part:
            case "GET" | "HEAD", False, "":
                return await self._reading.collect(request, kind, namespace)
            case "GET" | "HEAD", True, "" if namespace is not None:
                return await self._reading.get(request, kind, namespace, name)
            case "DELETE", True, "" if namespace is not None and kind != Kind.SUGGESTIONS:
                return Answer.of(await self._writing.delete(request, kind, namespace, name))
            case "GET" | "HEAD", True, _ if namespace is not None:
                return await self._detail(request, place, namespace)
            case _ if namespace is not None and kind == Kind.EXPERIMENTS:
                return await self._change(request, place, namespace)
        raise method_not_allowed(request.method, str(place))

    async def _detail(self, request: Request, place: Place, namespace: str) -> Answer:
        """Answer with a part of a resource that Kubernetes does not know. Raises ApiError."""
        match place.kind, place.part:
            case Kind.TRIALS, "metrics":
                return await self._details.metrics(request, namespace, place.name)
            case Kind.TRIALS, "log":
                return await self._details.log(request, namespace, place.name)
            case Kind.EXPERIMENTS, "explanation":
                return await self._details.explanation(namespace, place.name)
        raise no_such_path()

    async def _change(self, request: Request, place: Place, namespace: str) -> Answer:
        """Create an Experiment or change one. Raises ApiError."""
        match request.method, bool(place.name), place.part:
            case "POST", False, "":
                created, unknown = await self._writing.create(request, namespace)
                answer = self._reading.show(request, place.kind, created, status=HTTPStatus.CREATED)
                warnings = tuple(("Warning", f'299 - "unknown field \\"{path}\\""') for path in unknown)
                return Answer(answer.status, answer.body, headers=warnings)
            case "PATCH", True, "":
                changed = await self._writing.patch(request, namespace, place.name)
            case "PUT", True, "":
                changed = await self._writing.replace(request, namespace, place.name)
            case "POST", True, "stop":
                changed = await self._writing.stop(namespace, place.name)
            case _:
                raise method_not_allowed(request.method, str(place))
        return self._reading.show(request, place.kind, changed)


def _find_place(path: str) -> Place | None:
    """Return what the path names of our resources; None for everything else. Raises ApiError."""
    match path.strip("/").split("/"):
        case ["apis", "kubeflow.org", "v1beta1", "namespaces", namespace, plural, *rest] if len(rest) <= 2:  # noqa: PLR2004 - name and part
            name, part = [*rest, "", ""][:2]
        case ["apis", "kubeflow.org", "v1beta1", plural]:
            namespace, name, part = "", "", ""
        case _:
            return None
    kind = find_kind(plural)
    if kind is None:
        raise no_such_path()
    return Place(kind, namespace or None, name, part)


def _namespace(name: str) -> dict[str, JsonValue]:
    return {"kind": "Namespace", "metadata": {"name": name}, "status": {"phase": "Active"}}
