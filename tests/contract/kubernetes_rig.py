"""A Kubernetes target against the tests' cluster, whose pods are processes of this machine."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
from lightkube import KubeConfig

from events.resource import Manifest
from functions.worker import Worker
from infra.target.kubernetes import KubernetesTarget
from infra.target.kubernetes_calls import KubernetesCalls
from infra.target.kubernetes_config import client_of
from tests.contract import target_contract
from tests.contract.target_contract import waiting
from tests.services.kubernetes import Cluster
from tests.services.kubernetes_pods import OUR_IMAGE

COMPLETE = 'status.conditions.#(type=="Complete")#|#(status=="True")#'
SUCCEEDED = 'status.conditions.#(type=="Succeeded")#|#(status=="True")#'
FAILED = 'status.conditions.#(type=="Failed")#|#(status=="True")#'


class KubernetesRig:
    """A target, and manifests of Jobs."""

    def __init__(self, cluster: Cluster, directory: str) -> None:
        self.cluster = cluster
        self.directory = directory
        self.calls = KubernetesCalls(self.open_client)
        self.target = KubernetesTarget(self.calls, image=OUR_IMAGE)

    def open_client(self) -> httpx2.AsyncClient:
        return client_of(KubeConfig.from_server(self.cluster.url).get())

    def manifest(
        self, text: str = "", *, exit_code: int = 0, seconds: float = 0.0, until: Path | None = None
    ) -> Manifest:
        path = f"{self.directory}/text"
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - a name that goes into a command
            file.write(text)
        return sh(f"cat {shlex.quote(path)}; {waiting(seconds, until)}; exit {exit_code}")

    def impossible_manifest(self) -> Manifest:
        return {"apiVersion": "example.com/v1", "kind": "Nothing", "spec": {}}


def sh(script: str, **pod: Any) -> Manifest:
    """Return a Job whose container runs the script; further fields of the pod's spec."""
    return a_job({"name": "training", "image": "busybox", "command": ["sh", "-c", script]}, **pod)


def a_job(container: dict[str, Any], *, job: dict[str, Any] | None = None, **pod: Any) -> Manifest:
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container], **pod}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "spec": {"backoffLimit": 0, "template": {"spec": spec}, **(job or {})},
    }


def a_worker(manifest: Manifest, **fields: Any) -> Worker:
    """Return a Worker with the conditions of a Job."""
    worker = target_contract.a_worker(manifest)
    return replace(worker, **{"success_condition": COMPLETE, "failure_condition": FAILED, **fields})
