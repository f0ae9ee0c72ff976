"""Launches per second of Kubernetes Workers against an API server in a process of its own, beside a bare client's."""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import uuid4

import httpx2
from lightkube import KubeConfig

from events.reference import ExperimentRef, TrialRef
from events.resource import Manifest
from functions.worker import Worker
from infra.target.kubernetes import KubernetesTarget
from infra.target.kubernetes_calls import KubernetesCalls
from infra.target.kubernetes_config import client_of
from infra.target.kubernetes_manifest import build_object
from infra.target.worker_environment import PushAccess

AT_A_TIME = 16
"""Launches side by side, as a runner's handlers."""
CONTAINER = {
    "name": "training",
    "image": "busybox",
    "command": ["python", "train.py", "--lr=0.01", "--momentum=0.9"],
    "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
}
JOB: Manifest = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}},  # type: ignore[dict-item]
}


def workers(count: int) -> list[Worker]:
    experiment = ExperimentRef(namespace="labs", name="bench", uid=uuid4().hex)
    first = Worker(experiment=experiment, trial=TrialRef(name="-", uid="-", number=1), attempt=1, manifest=JOB)
    named = [TrialRef(name=f"bench-{uuid4().hex[:12]}", uid=uuid4().hex, number=1 + nth) for nth in range(count)]
    return [replace(first, trial=trial, primary_container_name="training") for trial in named]


async def measure(work: Callable[[Worker], Awaitable[object]], count: int) -> float:
    """Return how many a second."""
    room = asyncio.Semaphore(AT_A_TIME)

    async def one(worker: Worker) -> None:
        async with room:
            await work(worker)

    waiting = workers(count)
    begun = time.perf_counter()
    await asyncio.gather(*(one(worker) for worker in waiting))
    return count / (time.perf_counter() - begun)


async def compare(url: str, count: int, rounds: int) -> dict[str, float]:
    def open_client() -> httpx2.AsyncClient:
        config = KubeConfig.from_server(url).get()
        assert config is not None
        return client_of(config)

    calls, bare = KubernetesCalls(open_client), open_client()
    target = KubernetesTarget(calls)

    async def post(worker: Worker) -> None:
        manifest = build_object(worker, PushAccess(), image="")
        (await bare.post("/apis/batch/v1/namespaces/labs/jobs", json=manifest)).raise_for_status()

    await measure(target.launch, 20)
    await measure(post, 20)
    pairs = [(await measure(target.launch, count), await measure(post, count)) for _ in range(rounds)]
    await bare.aclose()
    await calls.close()
    ours, raw = (sorted(side)[rounds // 2] for side in zip(*pairs, strict=True))
    return {"launches_per_second": round(ours, 1), "raw_per_second": round(raw, 1), "ratio": round(ours / raw, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--launches", type=int, default=1000, help="of one round")
    parser.add_argument(
        "--rounds", type=int, default=5, help="of which the median counts; ours and the bare one's in turn"
    )
    options = parser.parse_args()
    command = [sys.executable, "-m", "tests.services.kubernetes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            found = asyncio.run(compare(url, options.launches, options.rounds))
        finally:
            server.terminate()
    print(json.dumps({"benchmark": "launches", "launches": options.launches, "rounds": options.rounds, **found}))


if __name__ == "__main__":
    main()
