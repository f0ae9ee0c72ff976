"""A watch as a stream of JSON lines: first what is there, if that is asked for, then every change, then bookmarks."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from pydantic import JsonValue
from pydantic_core import to_json

from events.resource import API_VERSION, Manifest
from functions.api.http import Request
from functions.api.looking import Resource, Seen
from functions.api.ports import Pace
from functions.api.problems import bad_request, expired
from functions.api.selectors import Selector
from functions.api.tables import Presentation
from functions.api.versions import change_label, parse_label, time_of, whole_label
from functions.api.watching import POLL_SECONDS, Watched

DEFAULT_SECONDS = 300.0
"""How long a watch lasts that says nothing about it; the client begins another one then."""
MAX_SECONDS = 3_600.0
BOOKMARK_SECONDS = 10.0
_TOO_OLD = "too old resource version: list anew"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a watcher asks for."""

    label: int | None
    """The version to go on from; None begins with what is there."""
    seconds: float
    has_bookmarks: bool
    wants_initial_end: bool
    """Whether a bookmark shall say where what is there ends and what changes begins (`sendInitialEvents`)."""
    is_brief: bool = False
    """Whether to end with the first look that has something to tell: for who can answer only as a whole."""

    @classmethod
    def of(cls, request: Request, *, is_brief: bool) -> "Wish":
        """Read the query. Raises ApiError."""
        query = request.query
        try:
            label = parse_label(query.get("resourceVersion", ""))
            seconds = float(query.get("timeoutSeconds") or DEFAULT_SECONDS)
        except ValueError as error:
            raise bad_request(f"resourceVersion and timeoutSeconds must be numbers: {error}") from error
        begins_anew = request.asks("sendInitialEvents")
        return cls(
            label=None if begins_anew else label,
            seconds=max(0.0, min(seconds, MAX_SECONDS)),
            has_bookmarks=request.asks("allowWatchBookmarks"),
            wants_initial_end=begins_anew,
            is_brief=is_brief,
        )


async def open_watch(
    watched: Watched, wish: Wish, *, selector: Selector, presentation: Presentation, pace: Pace
) -> AsyncIterator[bytes]:
    """Return the lines. Raises ApiError (410) where the version to go on from is not known here."""
    if wish.label is not None and watched.has_forgotten(wish.label):
        raise expired(_TOO_OLD)
    seen, label = await watched.look()
    first = [it for it in seen if selector.matches(it.labels)] if wish.label is None else []
    stream = _Stream(watched, presentation, label if wish.label is None else wish.label)
    return stream.lines(first, wish, selector, pace)


class _Stream:
    """One watcher's place in the history of its scope."""

    def __init__(self, watched: Watched, presentation: Presentation, label: int) -> None:
        self._watched = watched
        self._presentation = presentation
        self._label = label
        self._has_told = False

    async def lines(self, first: list[Seen], wish: Wish, selector: Selector, pace: Pace) -> AsyncIterator[bytes]:
        """Yield the lines until the time is over, or until too much has happened to go on."""
        for seen in first:
            yield await self._event("ADDED", seen, change_label(time_of(self._label), seen.version))
        if wish.wants_initial_end:
            yield self._bookmark({"k8s.io/initial-events-end": "true"})
        ends_at, marked_at = pace.now() + timedelta(seconds=wish.seconds), pace.now()
        while not self._watched.has_forgotten(self._label):
            async for line in self._changes(selector):
                yield line
            if pace.is_stopping or pace.now() >= ends_at or (wish.is_brief and self._has_told):
                return
            if wish.has_bookmarks and pace.now() - marked_at >= timedelta(seconds=BOOKMARK_SECONDS):
                marked_at = pace.now()
                yield self._bookmark({})
            await pace.pause(max(0.0, min(POLL_SECONDS, (ends_at - pace.now()).total_seconds())))
            await self._watched.look_again()
        yield _line("ERROR", expired(_TOO_OLD).to_status())

    async def _changes(self, selector: Selector) -> AsyncIterator[bytes]:
        """Yield what is new, and move on to the last look's version where nothing is."""
        changes = self._watched.changes_after(self._label)
        for change in changes:
            if told := change.tell(selector):
                yield await self._event(*told, change.label)
        self._label = whole_label(changes[-1].at_millis) if changes else max(self._label, self._watched.label)

    async def _event(self, kind: str, seen: Seen, label: int) -> bytes:
        self._has_told = True
        return _line(kind, self._presentation.one(_labelled(await seen.render(), label)))

    def _bookmark(self, annotations: dict[str, str]) -> bytes:
        metadata: dict[str, JsonValue] = {"resourceVersion": str(self._label)}
        metadata |= {"annotations": {**annotations}} if annotations else {}
        kind = self._presentation.kind.object_kind
        return _line("BOOKMARK", {"kind": kind, "apiVersion": API_VERSION, "metadata": metadata})


def _labelled(resource: Resource, label: int) -> Resource:
    return resource.replace(metadata=resource.metadata.replace(resource_version=str(label)))


def _line(kind: str, content: Manifest) -> bytes:
    return to_json({"type": kind, "object": content}) + b"\n"
