"""Watch streams: what changes about Workers' objects becomes `worker.changed` at once, and not at the next tick.

A hint only: what a stream has missed is found by reconcile's looks. One stream a kind and namespace, from when the
first Worker there is launched or looked at; resumed from the last version, and listed anew where that has expired.
"""

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from events.envelope import Event
from functions.errors import KuttabError, Retry
from infra.target.kubernetes_calls import Json, KubernetesCalls, Place
from infra.target.kubernetes_errors import GONE, KubernetesRefusedError
from infra.target.kubernetes_identity import TRIAL_UID, worker_changed_of

log = logging.getLogger("kuttab.kubernetes")

Publish = Callable[[Sequence[Event]], Awaitable[None]]

STREAMS = 64
"""Kinds times namespaces that one process watches; the others have their looks."""
_PAGE_COUNT = 500
_PAGES = 200
_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_MEMORY_COUNT = 20_000


class KubernetesWatches:
    """The streams of one process."""

    def __init__(self, calls: KubernetesCalls, publish: Publish) -> None:
        self._calls = calls
        self._publish = publish
        self._streams: dict[tuple[Place, str], asyncio.Task[None]] = {}
        self._known: OrderedDict[str, str] = OrderedDict()

    def note(self, place: Place, namespace: str) -> None:
        """Watch here from now on, where nobody does yet."""
        if (place, namespace) not in self._streams and len(self._streams) < STREAMS:
            self._streams[place, namespace] = asyncio.create_task(self._follow(place, namespace))

    async def close(self) -> None:
        """End every stream."""
        for stream in self._streams.values():
            stream.cancel()
        await asyncio.gather(*self._streams.values(), return_exceptions=True)
        self._streams.clear()

    async def _follow(self, place: Place, namespace: str) -> None:
        """Watch for ever: list, then stream after stream; after trouble once more, with growing pauses."""
        version, pause = "", _PAUSE_SECONDS
        while True:
            try:
                version = version or await self._list(place, namespace)
                async for event in self._calls.watch(place, namespace, TRIAL_UID, version):
                    version = event["object"]["metadata"]["resourceVersion"]
                    pause = _PAUSE_SECONDS
                    if event["type"] != "BOOKMARK":
                        await self._tell([event["object"]], is_gone=event["type"] == "DELETED")
            except KubernetesRefusedError as error:
                version = ""
                if error.status != GONE:
                    log.warning("cannot watch", extra={"place": place.path(namespace), "reason": error.message})
                    pause = await _wait(pause)
            except Retry as error:
                log.info("watches again soon", extra={"place": place.path(namespace), "reason": str(error)})
                pause = await _wait(pause)
            except KuttabError as error:
                log.warning("cannot publish", extra={"place": place.path(namespace), "reason": str(error)})
                pause = await _wait(pause)

    async def _list(self, place: Place, namespace: str) -> str:
        """Say what has changed since this process last saw it; return the version that the list is of."""
        parameters = {"labelSelector": TRIAL_UID, "limit": str(_PAGE_COUNT)}
        version = ""
        for _ in range(_PAGES):
            page = await self._calls.list(place, namespace, **parameters)
            await self._tell(page.get("items") or [])
            version = page["metadata"]["resourceVersion"]
            if not (token := page["metadata"].get("continue")):
                break
            parameters["continue"] = token
        return version

    async def _tell(self, found: Sequence[Json], *, is_gone: bool = False) -> None:
        """Publish for those that look otherwise than before."""
        changed = [it for it in found if self._is_news(it) or is_gone]
        events = [event for it in changed if (event := worker_changed_of(it)) is not None]
        if events:
            await self._publish(events)

    def _is_news(self, found: Json) -> bool:
        """Tell whether what counts about the object is new: a count of ready pods is not."""
        uid, look = found["metadata"]["uid"], _look_of(found)
        before = self._known.get(uid, "")
        self._known[uid] = look
        self._known.move_to_end(uid)
        while len(self._known) > _MEMORY_COUNT:
            self._known.popitem(last=False)
        return look != before


def _look_of(found: Json) -> str:
    """Return what may decide about the Worker, as text; empty for an object that was just created."""
    status: dict[str, Any] = found.get("status") or {}
    conditions = status.get("conditions") or []
    said = [(it.get("type"), it.get("status")) for it in conditions if isinstance(it, dict)]
    counts = [status.get("phase"), status.get("succeeded"), status.get("failed")]
    return json.dumps([said, counts]) if said or any(counts) else ""


async def _wait(seconds: float) -> float:
    """Wait, and return how long to wait the next time."""
    await asyncio.sleep(seconds)
    return min(2 * seconds, _LONGEST_PAUSE_SECONDS)
