"""Controllers of the tests' cluster: they make pods of Jobs, PyTorchJobs and Workflows, and say how these ended."""

import asyncio
import copy
from dataclasses import dataclass, field
from typing import Any

from tests.services.kubernetes_pods import Kubelet
from tests.services.kubernetes_store import JOBS, PODS, PYTORCH_JOBS, WORKFLOWS, Kind, Store, now

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
        work = {JOBS: self._run_job, PYTORCH_JOBS: self._run_training, WORKFLOWS: self._run_workflow}.get(kind)
        if kind == PODS:
            self.kubelet.start(found)
        elif work is not None and not self.is_idle and not (found.get("spec") or {}).get("suspend"):
            self._tasks[found["metadata"]["uid"]] = asyncio.ensure_future(work(found))

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
                    pod = self._make_pod(JOBS, job, f"{name}-{nth}-x", spec["template"], labels)
                    if await self._until_over(pod):
                        self._conclude(JOBS, job, "Complete", "CompletionsReached", "Reached expected number of pods")
                        return
            self._conclude(JOBS, job, "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        except TimeoutError:
            for pod in [it for it in self.store.list(PODS, job["metadata"]["namespace"]) if _is_owned(it, job)]:
                await self.kubelet.end(pod)
            words = "Job was active longer than specified deadline"
            self._conclude(JOBS, job, "Failed", "DeadlineExceeded", words)

    async def _run_training(self, job: Json) -> None:
        job["status"] = {"startTime": now(), "conditions": [_condition("Running", "PyTorchJobRunning", "is running")]}
        self.store.update(PYTORCH_JOBS, job)
        pods, name = [], job["metadata"]["name"]
        for role, replicas in job["spec"]["pytorchReplicaSpecs"].items():
            for index in range(int(replicas.get("replicas", 1))):
                kind = {"training.kubeflow.org/replica-type": role.lower()}
                labels = kind | ({"training.kubeflow.org/job-role": "master"} if role == "Master" else {})
                made = f"{name}-{role.lower()}-{index}"
                pods.append(self._make_pod(PYTORCH_JOBS, job, made, replicas["template"], labels))
        ends = await asyncio.gather(*(self._until_over(pod) for pod in pods))
        kind, words = ("Succeeded", "is successfully completed") if all(ends) else ("Failed", "has failed")
        self._conclude(PYTORCH_JOBS, job, kind, f"PyTorchJob{kind}", f"PyTorchJob {name} {words}.")

    async def _run_workflow(self, flow: Json) -> None:
        spec, name = flow["spec"], flow["metadata"]["name"]
        template = next(it for it in spec["templates"] if it["name"] == spec["entrypoint"])
        metadata = spec.get("podMetadata") or {}
        pod_template = {"metadata": metadata, "spec": {"containers": [{"name": "main", **template["container"]}]}}
        flow["status"] = {"phase": "Running", "startedAt": now()}
        self.store.update(WORKFLOWS, flow)
        labels = {"workflows.argoproj.io/workflow": name}
        has_succeeded = await self._until_over(self._make_pod(WORKFLOWS, flow, name, pod_template, labels))
        flow["status"] |= {"phase": "Succeeded" if has_succeeded else "Failed", "finishedAt": now()}
        self.store.update(WORKFLOWS, flow)

    def _make_pod(self, kind: Kind, owner: Json, name: str, template: Json, labels: Json) -> Json:
        metadata = copy.deepcopy(template.get("metadata") or {})
        about = {"apiVersion": kind.api_version, "kind": kind.kind, "name": owner["metadata"]["name"]}
        reference = {**about, "uid": owner["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}
        metadata |= {"name": name, "labels": (metadata.get("labels") or {}) | labels, "ownerReferences": [reference]}
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": copy.deepcopy(template["spec"])}
        pod = self.store.create(PODS, owner["metadata"]["namespace"], manifest)
        self.kubelet.start(pod)
        return pod

    async def _until_over(self, pod: Json) -> bool:
        """Wait until the pod has ended; tell whether well."""
        while pod["status"]["phase"] not in {"Succeeded", "Failed"}:
            await self.store.changed.wait()
        return bool(pod["status"]["phase"] == "Succeeded")

    def _conclude(self, kind: Kind, found: Json, condition: str, reason: str, message: str) -> None:
        status = {**found["status"], "active": 0}
        if condition in {"Complete", "Succeeded"}:
            status["completionTime"] = now()
        status["conditions"] = [*(status.get("conditions") or []), _condition(condition, reason, message)]
        found["status"] = status
        self.store.update(kind, found)


def _condition(kind: str, reason: str, message: str) -> Json:
    times = {"lastTransitionTime": now()}
    return {"type": kind, "status": "True", "reason": reason, "message": message, **times}


def _is_owned(pod: Json, owner: Json) -> bool:
    references = pod["metadata"].get("ownerReferences") or []
    return any(it["uid"] == owner["metadata"]["uid"] for it in references)
