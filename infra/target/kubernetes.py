"""KubernetesTarget: Workers as objects of any kind, created by name and judged by conditions over the live object."""

import asyncio
import contextlib
import time
from collections import OrderedDict
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from functions.errors import Retry
from functions.worker import LaunchRefusedError, LogChunk, Worker, WorkerPhase, WorkerState
from infra.target.kubernetes_calls import PODS, Json, KubernetesCalls, Place
from infra.target.kubernetes_errors import CONFLICT, NOT_FOUND, KubernetesRefusedError
from infra.target.kubernetes_identity import is_of, object_name, pod_selectors
from infra.target.kubernetes_last_lines import Key, LastLines
from infra.target.kubernetes_log import LogReader, since_time
from infra.target.kubernetes_manifest import build_object
from infra.target.kubernetes_pod import Pod, find_primary
from infra.target.kubernetes_sidecar import log_container
from infra.target.kubernetes_state import Seen, judge, missing
from infra.target.kubernetes_watch import KubernetesWatches
from infra.target.worker_environment import PushAccess

T = TypeVar("T")

_MEMORY_COUNT = 10_000
_FRESH_SECONDS = 1.0
"""How long the log's reader trusts the look before it: a moment, so that one look asks for the pods once."""
_LEAVING_SECONDS = 5.0
_LAST_LINES_SECONDS = 5.0
"""A stop waits no longer for the log of what it is about to delete."""
_NO_LOG_YET = 400
"""The API server's answer for a container that has not started."""


class KubernetesTarget:
    """The port `Target`. A name is created once, so one attempt is one object, whoever asks and however often."""

    def __init__(
        self,
        calls: KubernetesCalls,
        *,
        push: PushAccess | None = None,
        image: str = "",
        watches: KubernetesWatches | None = None,
    ) -> None:
        """`image` is Kuttab's own, for the collectors that run beside a Worker."""
        self._calls = calls
        self._watches = watches
        self._push = push or PushAccess()
        self._image = image
        self._removed: OrderedDict[Key, str] = OrderedDict()
        self._stopped: OrderedDict[Key, WorkerState] = OrderedDict()
        self._seen: OrderedDict[Key, tuple[float, Pod | None]] = OrderedDict()
        self._last_lines = LastLines()

    async def launch(self, worker: Worker) -> str:
        """Create the Worker's object unless it is there; return its uid. Raises LaunchRefusedError, Retry."""
        manifest = build_object(worker, self._push, image=self._image)
        try:
            place = await self._place(worker)
            if not place.is_namespaced:
                raise LaunchRefusedError("InvalidManifest", f"{worker.manifest['kind']} is not of a namespace")
            return await self._create(worker, place, manifest)
        except KubernetesRefusedError as error:
            raise LaunchRefusedError(error.reason, error.message) from error

    async def _create(self, worker: Worker, place: Place, manifest: Json) -> str:
        namespace = worker.experiment.namespace
        try:
            found = await self._calls.create(place, namespace, manifest)
        except KubernetesRefusedError as error:
            if error.status != CONFLICT:
                raise
            there = await self._calls.get(place, namespace, object_name(worker))
            if there is None:
                raise Retry("an object of this name has just gone", delay_seconds=1.0) from error
            found = _require_ours(there, worker)
        uid: str = found["metadata"]["uid"]
        return uid

    async def look(self, worker: Worker) -> WorkerState:
        """Return how the object stands, and what its primary pod says."""
        if _key(worker) in self._removed:
            return missing("the object was removed")
        try:
            seen = await self._look(worker)
        except KubernetesRefusedError as error:
            if error.reason == "UnknownKind":
                return missing(error.message)
            raise Retry(error.message, delay_seconds=_LEAVING_SECONDS) from error
        if seen is None:
            words = f"there is no {worker.manifest.get('kind')} {worker.experiment.namespace}/{object_name(worker)}"
            return self._stopped.get(_key(worker)) or missing(words)
        state = judge(seen, worker)
        if state.is_over and _key(worker) in self._stopped:
            _remember(self._stopped, _key(worker), state)
        return state

    async def _look(self, worker: Worker) -> Seen | None:
        found = await self._find(worker)
        if found is None:
            return None
        pod = await self._find_pod(worker)
        _remember(self._seen, _key(worker), (time.monotonic(), pod))
        return Seen(found, pod, self._calls.looked_at or datetime.now(UTC))

    async def _find(self, worker: Worker) -> Json | None:
        """Return the attempt's object; what bears its name and is not ours does not count."""
        place = await self._place(worker)
        found = await self._calls.get(place, worker.experiment.namespace, object_name(worker))
        return found if found is not None and is_of(found, worker) else None

    async def _find_pod(self, worker: Worker) -> Pod | None:
        for selector in pod_selectors(worker):
            answer = await self._calls.list(PODS, worker.experiment.namespace, labelSelector=selector)
            container = worker.primary_container_name
            if pod := find_primary(answer.get("items") or [], worker.primary_pod_labels or {}, container):
                return pod
        return None

    async def read_log(self, worker: Worker, start: int, *, is_over: bool) -> LogChunk:
        """Return lines of the primary pod's container that has the metrics; the source is the pod."""
        seen_at, pod = self._seen.get(_key(worker), (0.0, None))
        try:
            if pod is None or time.monotonic() - seen_at > _FRESH_SECONDS:
                pod = await self._find_pod(worker)
            if pod is None:
                gone = LogChunk("", start, start, problem="its pod is gone, and the log with it" if is_over else "")
                return self._last_lines.find(_key(worker), start) or gone
            self._last_lines.note_start(_key(worker), start)
            chunk = await self._read(worker, pod, start, is_over=is_over)
            # the pod may have gone since it was seen
            return (chunk.problem and self._last_lines.find(_key(worker), start)) or chunk
        except KubernetesRefusedError as error:
            raise Retry(error.message, delay_seconds=_LEAVING_SECONDS) from error

    async def _read(self, worker: Worker, pod: Pod, start: int, *, is_over: bool) -> LogChunk:
        reader = LogReader(start)
        container, namespace = log_container(worker), worker.experiment.namespace
        try:
            async with self._calls.log(namespace, pod.name, container, since=since_time(start)) as parts:
                async for part in parts:
                    reader.feed(part)
                    if reader.is_full:
                        break
        except KubernetesRefusedError as error:
            if error.status not in {_NO_LOG_YET, NOT_FOUND}:
                raise
            return LogChunk(pod.uid, start, start, problem=error.message if is_over else "")
        if is_over and not reader.is_full:
            reader.finish()
        return LogChunk(pod.uid, start, reader.end, tuple(reader.lines), has_more=reader.is_full)

    async def stop(self, worker: Worker) -> None:
        """Delete the object: its pods get SIGTERM, and SIGKILL after their grace. What has ended stays as it is."""
        try:
            seen = await self._look(worker)
            if seen is None or seen.is_leaving or judge(seen, worker).is_over:
                return
            if seen.pod is not None:
                await self._keep_last_lines(worker, seen.pod)
            words = {"reason": "Stopped", "message": "its object was deleted to stop it"}
            at = seen.at
            stopped = WorkerState(WorkerPhase.FAILED, **words, started_at=seen.created_at, ended_at=at, looked_at=at)  # type: ignore[arg-type]
            _remember(self._stopped, _key(worker), stopped)
            await self._delete(worker, seen.found)
        except KubernetesRefusedError as error:
            _require_passing(error)

    async def _keep_last_lines(self, worker: Worker, pod: Pod) -> None:
        """Read the log on once more, as far as that goes at once: whatever is in its way, the stop is not put off."""
        read = partial(self._read, worker, pod, is_over=False)
        with contextlib.suppress(KubernetesRefusedError, Retry, TimeoutError):
            async with asyncio.timeout(_LAST_LINES_SECONDS):
                await self._last_lines.keep(_key(worker), read)

    async def remove(self, worker: Worker) -> None:
        """Delete the object and, with it, its pods and their logs."""
        try:
            found = await self._find(worker)
            if found is not None:
                await self._delete(worker, found)
        except KubernetesRefusedError as error:
            _require_passing(error)
        self._last_lines.forget(_key(worker))
        _remember(self._removed, _key(worker), "")

    async def _delete(self, worker: Worker, found: Json) -> None:
        metadata = found["metadata"]
        place = await self._place(worker)
        await self._calls.delete(place, metadata["namespace"], metadata["name"], metadata["uid"])

    async def _place(self, worker: Worker) -> Place:
        place = await self._calls.place(str(worker.manifest.get("apiVersion")), str(worker.manifest.get("kind")))
        if self._watches is not None:
            self._watches.note(place, worker.experiment.namespace)
        return place

    async def close(self) -> None:
        """End the watches and close the connections."""
        if self._watches is not None:
            await self._watches.close()
        await self._calls.close()


def _require_ours(found: Json, worker: Worker) -> Json:
    """Return the object of this name. Raises LaunchRefusedError where it is another's, Retry while that one leaves."""
    if is_of(found, worker):
        return found
    where = f"{worker.manifest['kind']} {found['metadata'].get('namespace')}/{found['metadata']['name']}"
    if found["metadata"].get("deletionTimestamp"):
        raise Retry(f"another {where} is still being deleted", delay_seconds=_LEAVING_SECONDS)
    raise LaunchRefusedError("AlreadyExists", f"there is a {where} already, and it is not this Trial's: delete it")


def _require_passing(error: KubernetesRefusedError) -> None:
    """Go on where there can be no such object; raise Retry where we only may not ask."""
    if error.reason != "UnknownKind":
        raise Retry(error.message, delay_seconds=_LEAVING_SECONDS) from error


def _key(worker: Worker) -> Key:
    return worker.trial.uid, worker.attempt


def _remember(memory: OrderedDict[Key, T], key: Key, it: T) -> None:
    """Keep an entry, and forget the oldest where there are too many: a cache, not the truth."""
    memory[key] = it
    memory.move_to_end(key)
    while len(memory) > _MEMORY_COUNT:
        memory.popitem(last=False)
