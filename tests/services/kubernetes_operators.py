"""Operators of the tests' cluster: Kubeflow's trainings, TrainJob, Argo's Workflow, Tekton's PipelineRun.

Each labels its pods and writes its status as the real one does; what Kuttab relies on, and no more.
"""

import asyncio
import copy
import socket
from collections.abc import Mapping
from typing import Any

from tests.services.kubernetes_controllers import Controllers, condition
from tests.services.kubernetes_pods import Kubelet
from tests.services.kubernetes_store import (
    PIPELINE_RUNS,
    PYTORCH_JOBS,
    TRAIN_JOBS,
    TRAININGS,
    WORKFLOWS,
    Kind,
    Store,
    now,
)

Json = dict[str, Any]
_MASTERS = ("Master", "Chief", "Launcher")
_SIDE_BY_SIDE = frozenset({"PyTorchJob", "XGBoostJob"})
"""Of these every replica must succeed; of the others the master's end is the end, and the rest is stopped."""


class Operators(Controllers):
    """What makes pods of the kinds that are not Kubernetes' own."""

    def __init__(self, store: Store, kubelet: Kubelet) -> None:
        super().__init__(store, kubelet)
        self.ports: dict[str, int] = {}

    def work_of(self, kind: Kind, found: Json) -> Any:
        if kind in TRAININGS:
            return self._run_training(kind, found)
        more = {TRAIN_JOBS: self._run_train_job, WORKFLOWS: self._run_workflow, PIPELINE_RUNS: self._run_pipeline}
        return more[kind](found) if kind in more else super().work_of(kind, found)

    async def _run_training(self, kind: Kind, job: Json) -> None:
        words = f"{kind.kind} {job['metadata']['name']} is running."
        job["status"] = {"startTime": now(), "conditions": [condition("Running", f"{kind.kind}Running", words)]}
        self.store.update(kind, job)
        replicas: Json = next(value for key, value in job["spec"].items() if key.endswith("ReplicaSpecs"))
        master = next((role for role in _MASTERS if role in replicas), "Worker")
        pods = {
            (role, index): self._start_replica(kind, job, role, index, is_master=role == master and index == 0)
            for role, spec in replicas.items()
            for index in range(int(spec.get("replicas", 1)))
        }
        if kind.kind in _SIDE_BY_SIDE:
            has_succeeded = all(await asyncio.gather(*(self.until_over(pod) for pod in pods.values())))
        else:
            has_succeeded = await self.until_over(pods.pop((master, 0)))
            await asyncio.gather(*(self.kubelet.end(pod) for pod in pods.values()))
        end, words = ("Succeeded", "successfully completed") if has_succeeded else ("Failed", "failed")
        job["status"]["conditions"][0]["status"] = "False"
        self.conclude(kind, job, end, f"{kind.kind}{end}", f"{kind.kind} {job['metadata']['name']} is {words}.")

    def _start_replica(self, kind: Kind, job: Json, role: str, index: int, *, is_master: bool) -> Json:
        prefix = "training.kubeflow.org"
        labels = {f"{prefix}/replica-type": role.lower(), f"{prefix}/replica-index": str(index)}
        labels |= {f"{prefix}/job-name": job["metadata"]["name"]}
        labels |= {f"{prefix}/job-role": "master"} if is_master else {}
        replicas = next(value for key, value in job["spec"].items() if key.endswith("ReplicaSpecs"))
        template = copy.deepcopy(replicas[role]["template"])
        if kind == PYTORCH_JOBS:
            rank = index if is_master or "Master" not in replicas else index + 1
            world = sum(int(it.get("replicas", 1)) for it in replicas.values())
            _add_rendezvous(template, rank=rank, world=world, port=self._port_of(job))
        return self.make_pod(kind, job, f"{job['metadata']['name']}-{role.lower()}-{index}", template, labels)

    def _port_of(self, job: Json) -> int:
        """Return a port of the job's own: all pods share this machine's."""
        uid = job["metadata"]["uid"]
        if uid not in self.ports:
            with socket.socket() as found:
                found.bind(("127.0.0.1", 0))
                self.ports[uid] = found.getsockname()[1]
        return self.ports[uid]

    async def _run_train_job(self, job: Json) -> None:
        """Make a JobSet's pods from the runtime's template, which knows nothing of the TrainJob's own labels."""
        name, trainer = job["metadata"]["name"], job["spec"]["trainer"]
        job["status"] = {"conditions": [], "jobsStatus": [{"name": "node", "active": 1}]}
        self.store.update(TRAIN_JOBS, job)
        fields = {key: trainer[key] for key in ("image", "command", "args", "env") if key in trainer}
        template = {"spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "node", **fields}]}}
        pods = []
        for index in range(int(trainer.get("numNodes", 1))):
            labels = {"jobset.sigs.k8s.io/jobset-name": name, "jobset.sigs.k8s.io/replicatedjob-name": "node"}
            labels["batch.kubernetes.io/job-completion-index"] = str(index)
            pods.append(self.make_pod(TRAIN_JOBS, job, f"{name}-node-0-{index}", template, labels))
        has_succeeded = all(await asyncio.gather(*(self.until_over(pod) for pod in pods)))
        end, words = ("Complete", "all jobs completed") if has_succeeded else ("Failed", "jobset failed due to one")
        self.conclude(TRAIN_JOBS, job, end, "AllJobsCompleted" if has_succeeded else "FailedJobs", words)

    async def _run_workflow(self, flow: Json) -> None:
        spec, name = flow["spec"], flow["metadata"]["name"]
        template = next(it for it in spec["templates"] if it["name"] == spec["entrypoint"])
        metadata = spec.get("podMetadata") or {}
        pod_spec = {"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", **template["container"]}]}
        flow["status"] = {"phase": "Running", "startedAt": now()}
        self.store.update(WORKFLOWS, flow)
        labels = {"workflows.argoproj.io/workflow": name}
        pod = self.make_pod(WORKFLOWS, flow, name, {"metadata": metadata, "spec": pod_spec}, labels)
        flow["status"] |= {"phase": "Succeeded" if await self.until_over(pod) else "Failed", "finishedAt": now()}
        self.store.update(WORKFLOWS, flow)

    async def _run_pipeline(self, run: Json) -> None:
        """Run one task after the other; Tekton hands a run's labels on to its pods, and names containers `step-…`."""
        running = condition("Succeeded", "Running", "Tasks Completed: 0", status="Unknown")
        run["status"] = {"startTime": now(), "conditions": [running]}
        self.store.update(PIPELINE_RUNS, run)
        name, failed = run["metadata"]["name"], 0
        for task in run["spec"]["pipelineSpec"]["tasks"]:
            steps = [{**step, "name": f"step-{step['name']}"} for step in task["taskSpec"]["steps"]]
            labels = {"tekton.dev/pipelineRun": name, "tekton.dev/pipelineTask": task["name"]}
            own: Mapping[str, str] = run["metadata"].get("labels") or {}
            template = {
                "metadata": {"labels": dict(own)},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": steps},
            }
            pod = self.make_pod(PIPELINE_RUNS, run, f"{name}-{task['name']}-pod", template, labels)
            failed += not await self.until_over(pod)
        reason, status = ("Failed", "False") if failed else ("Succeeded", "True")
        words = (
            f"Tasks Completed: {len(run['spec']['pipelineSpec']['tasks'])} (Failed: {failed}, Cancelled 0), Skipped: 0"
        )
        run["status"] |= {"conditions": [condition("Succeeded", reason, words, status=status)], "completionTime": now()}
        self.store.update(PIPELINE_RUNS, run)


def _add_rendezvous(template: Json, *, rank: int, world: int, port: int) -> None:
    """Tell the containers where the processes of one training meet, as the operator does."""
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": world, "RANK": rank}
    for container in template["spec"]["containers"]:
        container["env"] = [*container.get("env", []), *({"name": k, "value": str(v)} for k, v in where.items())]
