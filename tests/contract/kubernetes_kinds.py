"""Workers of every kind that Katib's users have, each with a script in the container that counts."""

from typing import Any

from functions.experiment.defaults import default_conditions
from functions.worker import Worker
from tests.contract.kubernetes_rig import a_job, a_worker

MASTER = {"training.kubeflow.org/job-role": "master"}
FIRST_NODE = {"jobset.sigs.k8s.io/replicatedjob-name": "node", "batch.kubernetes.io/job-completion-index": "0"}
TASK = {"tekton.dev/pipelineTask": "train"}
PHASE = 'status.[@this].#(phase=="{}")#'
OUTCOME = 'status.conditions.#(type=="Succeeded")#|#(status=="{}")#'
OTHERS = "echo loss=9; sleep 0.2"
"""What the pods do that do not count."""


def a_container(name: str, script: str) -> dict[str, Any]:
    return {"name": name, "image": "any", "command": ["sh", "-c", script]}


def replicas(**scripts: str) -> dict[str, Any]:
    """Return the replicas of a training by their roles."""

    def of(script: str) -> Any:
        pod = {"terminationGracePeriodSeconds": 1, "containers": [a_container("training", script)]}
        return {"replicas": 1, "restartPolicy": "Never", "template": {"spec": pod}}

    return {role: of(script) for role, script in scripts.items()}


def a_training(kind: str, field: str, **scripts: str) -> Worker:
    """Return one of the training operator's kinds, with the defaults that admission gives it."""
    success, failure = default_conditions(kind)
    manifest: Any = {"apiVersion": "kubeflow.org/v1", "kind": kind, "spec": {field: replicas(**scripts)}}
    return a_worker(manifest, primary_pod_labels=MASTER, success_condition=success, failure_condition=failure)


def a_train_job(script: str) -> Worker:
    container = a_container("node", script)
    trainer = {"numNodes": 2, "image": "any", "command": container["command"]}
    spec: Any = {"runtimeRef": {"name": "torch-distributed"}, "trainer": trainer}
    success, failure = default_conditions("TrainJob")
    return a_worker(
        {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob", "spec": spec},
        primary_container_name="node",
        primary_pod_labels=FIRST_NODE,
        success_condition=success,
        failure_condition=failure,
    )


def a_workflow(script: str) -> Worker:
    container = {"image": "any", "command": ["sh", "-c", script]}
    spec: Any = {"entrypoint": "train", "templates": [{"name": "train", "container": container}]}
    return a_worker(
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "spec": spec},
        primary_container_name="main",
        success_condition=PHASE.format("Succeeded"),
        failure_condition=PHASE.format("Failed"),
    )


def a_pipeline_run(script: str) -> Worker:
    """Return a run of two tasks, of which the second trains."""
    tasks = [("prepare", "echo loss=9"), ("train", script)]
    of = [{"name": name, "taskSpec": {"steps": [a_container("main", text)]}} for name, text in tasks]
    manifest: Any = {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "spec": {"pipelineSpec": {"tasks": of}}}
    return a_worker(
        manifest,
        primary_container_name="step-main",
        primary_pod_labels=TASK,
        success_condition=OUTCOME.format("True"),
        failure_condition=OUTCOME.format("False"),
    )


KINDS = {
    "Job": lambda script: a_worker(a_job(a_container("training", script))),
    "PyTorchJob": lambda script: a_training("PyTorchJob", "pytorchReplicaSpecs", Master=script, Worker=OTHERS),
    "TFJob": lambda script: a_training("TFJob", "tfReplicaSpecs", PS="echo loss=9; sleep 60", Chief=script),
    "TFJob without a chief": lambda script: a_training("TFJob", "tfReplicaSpecs", PS="sleep 60", Worker=script),
    "XGBoostJob": lambda script: a_training("XGBoostJob", "xgbReplicaSpecs", Master=script, Worker=OTHERS),
    "MPIJob": lambda script: a_training("MPIJob", "mpiReplicaSpecs", Worker="sleep 60", Launcher=script),
    "TrainJob": a_train_job,
    "Workflow": a_workflow,
    "PipelineRun": a_pipeline_run,
}
"""Name → a Worker whose primary container runs the script."""
