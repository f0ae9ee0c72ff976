"""Pods of the tests' cluster: their containers are processes of this machine, and an emptyDir is a directory."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.services.kubernetes_store import PODS, Store, now

Json = dict[str, Any]
OUR_IMAGE = "kuttab"
"""Runs the checkout's own command, as the image's entry point does."""
MISSING_IMAGE = "no-such-image"
NOWHERE = {"kuttab.dev/node": "none"}
"""A node selector that no node satisfies."""
_ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Container:
    """One container: its process and what it has written, each line with its time in nanoseconds."""

    name: str
    process: asyncio.subprocess.Process | None = None
    lines: list[tuple[int, bytes]] = field(default_factory=list)
    unfinished: bytes = b""
    started_at: str = ""
    ended_at: str = ""
    exit_code: int | None = None

    def to_status(self) -> Json:
        if self.exit_code is not None:
            reason = "Completed" if self.exit_code == 0 else "Error"
            times = {"startedAt": self.started_at, "finishedAt": self.ended_at}
            return self._status({"terminated": {"exitCode": self.exit_code, "reason": reason, **times}})
        if self.started_at:
            return self._status({"running": {"startedAt": self.started_at}})
        return self._status({"waiting": {"reason": "PodInitializing"}})

    def _status(self, state: Json) -> Json:
        return {"name": self.name, "state": state, "lastState": {}, "ready": False, "restartCount": 0}


@dataclass(slots=True)
class Kubelet:
    """Runs pods."""

    store: Store
    containers: dict[str, dict[str, Container]] = field(default_factory=dict)
    _tasks: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    def start(self, pod: Json) -> None:
        uid = pod["metadata"]["uid"]
        self.containers[uid] = {}
        pod["status"] = {"phase": "Pending"}
        if pod["spec"].get("nodeSelector") == NOWHERE:
            words = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."
            unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
            pod["status"]["conditions"] = [unschedulable]
        elif any(it.get("image") == MISSING_IMAGE for it in pod["spec"]["containers"]):
            words = f'Back-off pulling image "{MISSING_IMAGE}"'
            waiting = {"waiting": {"reason": "ImagePullBackOff", "message": words}}
            pod["status"]["containerStatuses"] = [
                {"name": it["name"], "state": waiting} for it in pod["spec"]["containers"]
            ]
        else:
            self._tasks[uid] = asyncio.ensure_future(self._run(pod))
        self.store.update(PODS, pod)

    async def _run(self, pod: Json) -> None:
        """Init containers in their order, of which sidecars stay; then the containers; then the sidecars' end."""
        spec, directory = pod["spec"], Path(tempfile.mkdtemp(prefix="pod-"))
        try:
            sidecars = []
            for it in spec.get("initContainers") or []:
                running = await self._begin(pod, it, directory)
                await self._until_started(it, directory)
                if it.get("restartPolicy") == "Always":
                    sidecars.append(asyncio.ensure_future(running))
                else:
                    await running
            mains = [await self._begin(pod, it, directory) for it in spec["containers"]]
            self._show(pod, "Running")
            codes = await asyncio.gather(*mains)
            names = [it["name"] for it in spec.get("initContainers") or []]
            self._signal([self.containers[pod["metadata"]["uid"]][name] for name in names], signal.SIGTERM)
            await asyncio.gather(*sidecars)
            self._show(pod, "Succeeded" if not any(codes) else "Failed")
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    async def _begin(self, pod: Json, spec: Json, directory: Path) -> Any:
        """Start the process; return what waits for its end."""
        container = Container(spec["name"])
        self.containers[pod["metadata"]["uid"]][spec["name"]] = container
        mounts = {it["mountPath"]: directory / it["name"] for it in spec.get("volumeMounts") or []}
        for path in mounts.values():
            path.mkdir(exist_ok=True)
        mounts["/tmp/kuttab"] = directory / f"{spec['name']}-tmp"
        given = {it["name"]: _mapped(str(it.get("value", "")), mounts) for it in spec.get("env") or []}
        command = [_mapped(it, mounts) for it in (*(spec.get("command") or []), *(spec.get("args") or []))]
        if not spec.get("command") and spec.get("image") == OUR_IMAGE:
            command = [sys.executable, "-m", "local_runner", *command]
            given["PYTHONPATH"] = str(_ROOT)
        container.started_at = now()
        container.process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **given},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        return self._follow(pod, container)

    async def _until_started(self, spec: Json, directory: Path) -> None:
        """Run the startup probe until it succeeds."""
        if probe := (spec.get("startupProbe") or {}).get("exec"):
            temporary = {"/tmp/kuttab": directory / f"{spec['name']}-tmp"}
            command = [_mapped(it, temporary) for it in probe["command"]]
            while await (await asyncio.create_subprocess_exec(*command)).wait():  # noqa: ASYNC110 - as a kubelet does
                await asyncio.sleep(0.1)

    async def _follow(self, pod: Json, container: Container) -> int:
        process = container.process
        assert process is not None
        assert process.stdout is not None
        while part := await process.stdout.read(1 << 16):
            *lines, container.unfinished = (container.unfinished + part).split(b"\n")
            container.lines += ((time.time_ns(), line + b"\n") for line in lines)
        if container.unfinished:
            container.lines.append((time.time_ns(), container.unfinished))
        code = await process.wait()
        container.exit_code, container.ended_at = code if code >= 0 else 128 - code, now()
        self._show(pod, "Running")
        return container.exit_code

    def _show(self, pod: Json, phase: str) -> None:
        mine = self.containers[pod["metadata"]["uid"]]
        statuses = [mine[it["name"]].to_status() for it in pod["spec"]["containers"] if it["name"] in mine]
        pod["status"] = {
            "phase": phase,
            "startTime": pod["metadata"]["creationTimestamp"],
            "containerStatuses": statuses,
        }
        self.store.update(PODS, pod)

    def _signal(self, containers: list[Container], number: int) -> None:
        for it in containers:
            if it.process is not None and it.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(it.process.pid, number)

    async def end(self, pod: Json) -> None:
        """SIGTERM, SIGKILL after the grace, then the pod is gone and its log with it."""
        uid = pod["metadata"]["uid"]
        pod["metadata"]["deletionTimestamp"] = now()
        self.store.update(PODS, pod)
        task, mine = self._tasks.pop(uid, None), list(self.containers.get(uid, {}).values())
        self._signal(mine, signal.SIGTERM)
        if task is not None:
            grace = float(pod["spec"].get("terminationGracePeriodSeconds", 30))
            _, late = await asyncio.wait({task}, timeout=grace)
            if late:
                self._signal(mine, signal.SIGKILL)
                await asyncio.wait({task}, timeout=10)
        self.store.drop(PODS, pod)
        self.containers.pop(uid, None)

    async def close(self) -> None:
        """End what runs still: a process that is just being started is let start first, and killed then."""
        for _ in range(50):
            for mine in self.containers.values():
                self._signal(list(mine.values()), signal.SIGKILL)
            waiting = [task for task in self._tasks.values() if not task.done()]
            if not waiting:
                return
            await asyncio.wait(waiting, timeout=0.1)

    def log(self, pod: Json, name: str, since: str, *, has_times: bool) -> bytes | None:
        """Return a container's log from this second on; None where it has not started."""
        container = self.containers.get(pod["metadata"]["uid"], {}).get(name)
        if container is None or not container.started_at:
            return None
        first = int(datetime.fromisoformat(since).timestamp()) * 10**9 if since else 0
        kept = [(at, line) for at, line in container.lines if at >= first]
        return b"".join((f"{stamp(at)} ".encode() if has_times else b"") + line for at, line in kept)


def stamp(nanoseconds: int) -> str:
    """Write a time as container runtimes do: RFC 3339 with nanoseconds."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _mapped(text: str, mounts: dict[str, Path]) -> str:
    """Replace the paths of volumes by the directories that stand for them."""
    for path, directory in mounts.items():
        text = text.replace(path.rstrip("/"), str(directory))
    return text
