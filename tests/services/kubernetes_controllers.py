"""Kubernetes' own controllers in the tests' cluster: they run Jobs, and delete what an object owns."""

import asyncio
import copy
from dataclasses import dataclass, field
from typing import Any

from tests.services.kubernetes_pods import Kubelet
from tests.services.kubernetes_store import JOBS, PODS, Kind, Store, now

Json = dict[str, Any]


@dataclass(slots=True)
class Controllers:
    """One task an object."""

    store: Store
    kubelet: Kubelet
    is_idle: bool = False
    """Makes no pods: objects stay as they were created."""
    _tasks: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    def created(self, kind: Kind, found: Json) -> None:
        if kind == PODS:
            self.kubelet.start(found)
        elif not self.is_idle and not (found.get("spec") or {}).get("suspend") and (work := self.work_of(kind, found)):
            self._tasks[found["metadata"]["uid"]] = asyncio.ensure_future(work)

    def work_of(self, kind: Kind, found: Json) -> Any:
        """Return what the controller of this kind does with a new object, as a coroutine; None where there is none."""
        return self._run_job(found) if kind == JOBS else None

    async def delete(self, kind: Kind, found: Json, *, is_foreground: bool) -> None:
        """End what the object owns; in the foreground it is there until that is gone."""
        if task := self._tasks.pop(found["metadata"]["uid"], None):
            task.cancel()
        if not is_foreground:
            self.store.drop(kind, found)
        owned = [it for it in self.store.list(PODS, found["metadata"]["namespace"]) if _is_owned(it, found)]
        await asyncio.gather(*(self.kubelet.end(pod) for pod in owned))
        self.store.drop(kind, found)

    async def _run_job(self, job: Json) -> None:
        spec, name = job["spec"], job["metadata"]["name"]
        job["status"] = {"startTime": now(), "active": 1}
        self.store.update(JOBS, job)
        try:
            async with asyncio.timeout(spec.get("activeDeadlineSeconds")):
                for nth in range(int(spec.get("backoffLimit", 6)) + 1):
                    labels = {"batch.kubernetes.io/job-name": name, "job-name": name}
                    pod = self.make_pod(JOBS, job, f"{name}-{nth}-x", spec["template"], labels)
                    if await self.until_over(pod):
                        self.conclude(JOBS, job, "Complete", "CompletionsReached", "Reached expected number of pods")
                        return
            self.conclude(JOBS, job, "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        except TimeoutError:
            for pod in [it for it in self.store.list(PODS, job["metadata"]["namespace"]) if _is_owned(it, job)]:
                await self.kubelet.end(pod)
            words = "Job was active longer than specified deadline"
            self.conclude(JOBS, job, "Failed", "DeadlineExceeded", words)

    def make_pod(self, kind: Kind, owner: Json, name: str, template: Json, labels: Json) -> Json:
        metadata = copy.deepcopy(template.get("metadata") or {})
        about = {"apiVersion": kind.api_version, "kind": kind.kind, "name": owner["metadata"]["name"]}
        reference = {**about, "uid": owner["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}
        metadata |= {"name": name, "labels": (metadata.get("labels") or {}) | labels, "ownerReferences": [reference]}
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": copy.deepcopy(template["spec"])}
        pod = self.store.create(PODS, owner["metadata"]["namespace"], manifest)
        self.kubelet.start(pod)
        return pod

    async def until_over(self, pod: Json) -> bool:
        """Wait until the pod has ended; tell whether well."""
        while pod["status"]["phase"] not in {"Succeeded", "Failed"}:
            await self.store.changed.wait()
        return bool(pod["status"]["phase"] == "Succeeded")

    def conclude(self, kind: Kind, found: Json, end: str, reason: str, message: str) -> None:
        status = {**found["status"], "active": 0}
        if end in {"Complete", "Succeeded"}:
            status["completionTime"] = now()
        status["conditions"] = [*(status.get("conditions") or []), condition(end, reason, message)]
        found["status"] = status
        self.store.update(kind, found)


def condition(kind: str, reason: str, message: str, *, status: str = "True") -> Json:
    times = {"lastTransitionTime": now()}
    return {"type": kind, "status": status, "reason": reason, "message": message, **times}


def _is_owned(pod: Json, owner: Json) -> bool:
    references = pod["metadata"].get("ownerReferences") or []
    return any(it["uid"] == owner["metadata"]["uid"] for it in references)
