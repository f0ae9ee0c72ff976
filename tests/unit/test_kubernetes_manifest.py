"""What is created: name, labels on every pod, variables in the primary container, a collector where one is needed."""

from dataclasses import replace
from typing import Any

import pytest

from events.objective import Collector, CollectorKind, CollectorSource, MetricsCollectorSpec
from functions.worker import LaunchRefusedError, Worker
from infra.target.kubernetes_manifest import build_object
from infra.target.worker_environment import PushAccess
from tests.contract.kubernetes_rig import a_job, a_worker, sh
from tests.contract.test_kubernetes_kinds import a_pytorch_job

FILE = MetricsCollectorSpec(
    collector=Collector(kind=CollectorKind.FILE),
    source=CollectorSource.model_validate({"fileSystemPath": {"path": "/var/log/katib/metrics.log", "kind": "File"}}),
)


def built(worker: Worker, *, image: str = "kuttab:1") -> Any:
    return build_object(worker, PushAccess("amqp://broker/"), image=image)


def pod_of(manifest: Any) -> Any:
    return manifest["spec"]["template"]


def test_an_attempt_has_a_name_and_labels_of_its_own() -> None:
    worker = replace(a_worker(sh("true")), attempt=2, labels={"team": "vision"})

    manifest = built(worker)

    assert manifest["metadata"]["name"] == f"{worker.trial.name}-2"
    assert manifest["metadata"]["namespace"] == "labs"
    assert manifest["metadata"]["labels"] == pod_of(manifest)["metadata"]["labels"]
    expected = {"team": "vision", "katib.kubeflow.org/trial": worker.trial.name, "kuttab.dev/attempt": "2"}
    assert expected.items() <= manifest["metadata"]["labels"].items()


def test_what_the_template_says_itself_stays() -> None:
    container = {"name": "training", "image": "any", "env": [{"name": "KATIB_TRIAL_NAME", "value": "mine"}]}
    manifest: Any = a_job(container)
    manifest["spec"]["template"]["metadata"] = {"labels": {"app": "x"}, "annotations": {"a": "b"}}

    made = built(a_worker(manifest))

    assert pod_of(made)["metadata"]["labels"]["app"] == "x"
    assert pod_of(made)["metadata"]["annotations"] == {"a": "b"}
    (given, *ours) = pod_of(made)["spec"]["containers"][0]["env"]
    assert given["value"] == "mine"
    assert "KATIB_TRIAL_NAME" not in [it["name"] for it in ours]


def test_only_the_primary_container_gets_the_variables() -> None:
    manifest: Any = sh("true")
    manifest["spec"]["template"]["spec"]["containers"].append({"name": "other", "image": "any"})

    training, other = pod_of(built(a_worker(manifest)))["spec"]["containers"]

    assert {"name": "KUTTAB_ATTEMPT", "value": "1"} in training["env"]
    assert "env" not in other


@pytest.mark.parametrize("field", ["container", "script"])
def test_the_container_of_an_argo_template_is_main_whatever_it_is_called(field: str) -> None:
    template: Any = {"name": "train", field: {"name": "model-training", "image": "any"}}
    manifest: Any = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "spec": {"templates": [template]}}

    made = built(replace(a_worker(manifest), primary_container_name="main"))

    assert {"name": "KUTTAB_ATTEMPT", "value": "1"} in made["spec"]["templates"][0][field]["env"]


def test_a_worker_that_pushes_gets_the_broker() -> None:
    push = MetricsCollectorSpec(collector=Collector(kind=CollectorKind.PUSH))

    container = pod_of(built(a_worker(sh("true"), collector=push)))["spec"]["containers"][0]

    assert {"name": "KUTTAB_BROKER_URL", "value": "amqp://broker/"} in container["env"]


def test_a_files_collector_is_a_native_sidecar_that_shares_its_directory() -> None:
    spec = pod_of(built(a_worker(sh("true"), collector=FILE)))["spec"]

    (sidecar,) = spec["initContainers"]
    assert (sidecar["restartPolicy"], sidecar["image"]) == ("Always", "kuttab:1")
    assert sidecar["args"][-1] == "/var/log/katib/metrics.log"
    mount = {"name": "kuttab-metrics", "mountPath": "/var/log/katib"}
    assert sidecar["volumeMounts"] == spec["containers"][0]["volumeMounts"] == [mount]
    assert spec["volumes"] == [{"name": "kuttab-metrics", "emptyDir": {}}]


def test_a_directory_that_is_mounted_already_is_shared_as_it_is() -> None:
    mount = {"name": "results", "mountPath": "/var/log/katib"}
    manifest = a_job({"name": "training", "image": "any", "volumeMounts": [mount]}, volumes=[{"name": "results"}])

    spec = pod_of(built(a_worker(manifest, collector=FILE)))["spec"]

    assert spec["volumes"] == [{"name": "results"}]
    assert spec["initContainers"][0]["volumeMounts"] == [mount]


def test_of_a_training_only_the_master_gets_a_collector() -> None:
    worker = a_worker(a_pytorch_job("true", "true"), primary_container_name="pytorch", collector=FILE)

    replicas = built(worker)["spec"]["pytorchReplicaSpecs"]

    assert "initContainers" in replicas["Master"]["template"]["spec"]
    assert "initContainers" not in replicas["Worker"]["template"]["spec"]
    assert all("kuttab.dev/trial-uid" in it["template"]["metadata"]["labels"] for it in replicas.values())


def test_a_train_jobs_trainer_gets_the_variables() -> None:
    spec: Any = {"runtimeRef": {"name": "torch"}, "trainer": {"image": "any"}}
    manifest: Any = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob", "spec": spec}

    trainer = built(a_worker(manifest, primary_container_name="node"))["spec"]["trainer"]

    assert {"name": "KUTTAB_ATTEMPT", "value": "1"} in trainer["env"]


@pytest.mark.parametrize(
    ("manifest", "image", "words"),
    [
        (sh("true"), "", "File needs Kuttab's own image in the pod: set KUTTAB_IMAGE"),
        (
            {"apiVersion": "a/v1", "kind": "B", "spec": {}},
            "kuttab",
            "holds no pod template with a container 'training'",
        ),
    ],
)
def test_a_collector_that_is_impossible_is_refused_with_its_field(manifest: Any, image: str, words: str) -> None:
    with pytest.raises(LaunchRefusedError, match=r"^spec\.metricsCollectorSpec\.collector\.kind") as refused:
        built(a_worker(manifest, collector=FILE), image=image)

    assert words in refused.value.message


def test_our_own_kinds_are_not_for_a_cluster() -> None:
    with pytest.raises(LaunchRefusedError, match="is no kind of a cluster"):
        built(a_worker({"apiVersion": "kuttab.dev/v1", "kind": "Process", "spec": {}}))
