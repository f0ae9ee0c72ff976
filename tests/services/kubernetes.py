"""A Kubernetes cluster for tests: an API server in a thread of its own, whose pods are processes of this machine.

As a program it serves until it is killed, and prints its URL: `python -m tests.services.kubernetes`. With `--run` its
objects make pods, whose programs run on this machine, and its manifests are held to Kubernetes' schema.
"""

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.services.kubernetes_api import Api, Fault
from tests.services.kubernetes_http import serve

T = TypeVar("T")


@dataclass(slots=True)
class Cluster:
    """A running cluster, and what a client in any process needs to reach it."""

    loop: asyncio.AbstractEventLoop
    api: Api
    url: str = ""
    _server: asyncio.Server | None = field(default=None)

    def do(self, work: Callable[[Api], T]) -> T:
        """Look or change where the server runs."""

        async def run() -> T:
            return work(self.api)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(20)

    def inject(self, method: str, part: str, status: int, reason: str, message: str = "no", **more: Any) -> None:
        """Refuse the next calls of this method whose path holds this part."""
        self.do(lambda api: api.faults.append(Fault(method, part, status, reason, message, **more)))

    def kubeconfig(self, directory: Path) -> Path:
        """Write a kubeconfig."""
        user = {"name": "tester", "user": {"token": self.api.token or "any"}}
        context = {"name": "tests", "context": {"cluster": "tests", "user": "tester"}}
        cluster = {"name": "tests", "cluster": {"server": self.url}}
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "tests", "users": [user]}
        path = directory / "kubeconfig"
        path.write_text(json.dumps(config | {"contexts": [context], "clusters": [cluster]}))
        return path


@contextmanager
def run_cluster(token: str = "") -> Iterator[Cluster]:
    """Start a cluster on a free port of 127.0.0.1, and stop it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True, name="kubernetes")
    thread.start()
    cluster = asyncio.run_coroutine_threadsafe(_open(token), loop).result(20)
    try:
        yield cluster
    finally:
        asyncio.run_coroutine_threadsafe(_close(cluster), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _open(token: str) -> Cluster:
    api = Api(token=token)
    server = await serve(api.answer)
    port = server.sockets[0].getsockname()[1]
    return Cluster(asyncio.get_running_loop(), api, f"http://127.0.0.1:{port}", server)


async def _close(cluster: Cluster) -> None:
    if cluster._server is not None:
        cluster._server.close()
    await cluster.api.kubelet.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=5)


async def _main(*, is_running: bool) -> None:
    api = Api(is_validating=is_running)
    api.controllers.is_idle = not is_running
    server = await serve(api.answer)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)  # noqa: T201 - its result
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(is_running="--run" in sys.argv))
