"""What `run` and `submit` make of a file: events, or every error at once."""

from typing import Any

import pytest

from events.resource import Manifest
from local_runner.checking import InvalidFileError, Submission, check
from local_runner.documents import Document
from tests.builders import an_experiment_manifest

POD = {"template": {"spec": {"containers": [{"name": "main", "command": ["train", "${trialParameters.x}"]}]}}}


def a_manifest(**changes: Any) -> Manifest:
    return {**an_experiment_manifest(kind="Process"), **changes}


def a_job() -> Manifest:
    template = {
        "primaryContainerName": "main",
        "trialParameters": [{"name": "x", "reference": "x"}],
        "trialSpec": {"apiVersion": "batch/v1", "kind": "Job", "spec": POD},
    }
    return an_experiment_manifest(trialTemplate=template)


def checked(*manifests: Manifest, namespace: str | None = None, target: str | None = None) -> list[Submission]:
    return check([Document("file.yaml", manifest) for manifest in manifests], namespace=namespace, target=target)


def refusal(*manifests: Manifest, **options: Any) -> list[str]:
    with pytest.raises(InvalidFileError) as refused:
        checked(*manifests, **options)
    return str(refused.value).splitlines()


def test_an_experiment_that_names_no_algorithm_gets_ours() -> None:
    spec = {key: value for key, value in a_manifest()["spec"].items() if key != "algorithm"}

    (submission,) = checked(a_manifest(spec=spec))

    assert submission.event.resource["spec"] == {**spec, "algorithm": {"algorithmName": "auto"}}


def test_the_event_carries_the_file_and_an_identity_of_its_own() -> None:
    first, second = checked(a_manifest())[0], checked(a_manifest())[0]

    assert first.event.resource["spec"] == a_manifest()["spec"]
    assert (first.ref.namespace, first.ref.name) == ("default", "digits")
    assert first.ref.uid != second.ref.uid


def test_every_error_is_told_at_once_with_its_path() -> None:
    manifest = a_manifest()
    spec: Any = {**manifest["spec"], "maxTrialCuont": 3, "algorithm": {"algorithmName": "magic"}, "maxTrialCount": 0}

    lines = refusal({**manifest, "spec": spec})

    assert "file.yaml: spec.maxTrialCuont: unknown field" in lines
    assert any(line.startswith("file.yaml: spec.algorithm.algorithmName: ") for line in lines)
    assert any(line.startswith("file.yaml: spec.maxTrialCount: ") for line in lines)


def test_errors_of_all_documents_are_told() -> None:
    lines = refusal(a_manifest(kind="Deployment"), a_manifest(apiVersion="v1"))

    assert lines == [
        "file.yaml: kind: must be Experiment, got Deployment",
        "file.yaml: apiVersion: must be kubeflow.org/v1beta1",
    ]


def test_two_documents_of_one_name_are_refused() -> None:
    assert refusal(a_manifest(), a_manifest()) == ["file.yaml: metadata.name: digits is given twice"]


def test_the_namespace_of_the_command_line_fills_in() -> None:
    submission = checked(a_manifest(), namespace="team")[0]

    assert submission.ref.namespace == "team"
    assert submission.event.resource["metadata"] == {"name": "digits", "namespace": "team"}


def test_a_namespace_that_contradicts_the_file_is_refused() -> None:
    manifest = a_manifest(metadata={"name": "digits", "namespace": "kubeflow"})

    assert refusal(manifest, namespace="team") == [
        "file.yaml: metadata.namespace: is kubeflow, which does not match --namespace=team"
    ]


def test_a_namespace_that_is_none_is_refused() -> None:
    assert any("metadata.namespace" in line for line in refusal(a_manifest(), namespace="Bad Name"))


def test_a_generated_name_is_made_here() -> None:
    submission = checked(a_manifest(metadata={"generateName": "digits-"}))[0]

    assert submission.ref.name.startswith("digits-")
    assert len(submission.ref.name) == len("digits-") + 5
    metadata = {"generateName": "digits-", "name": submission.ref.name, "namespace": "default"}
    assert submission.event.resource["metadata"] == metadata


def test_a_job_runs_as_a_process_here() -> None:
    assert checked(a_job())[0].event.target == "process"


def test_a_process_needs_no_override() -> None:
    assert checked(a_manifest())[0].event.target is None


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("batch", "target batch cannot run kuttab.dev/v1 Process"),
        ("moon", "'moon' is not a target"),
    ],
)
def test_a_target_that_cannot_run_it_is_refused(target: str, message: str) -> None:
    (line,) = refusal(a_manifest(), target=target)

    assert line.startswith("file.yaml: spec.trialTemplate.trialSpec: ")
    assert message in line


def test_a_target_that_this_runner_does_not_have_is_refused() -> None:
    (line,) = refusal(a_job(), target="simulated")

    assert "target simulated cannot run batch/v1 Job, which is for kubernetes" in line
