"""The examples: each file is admitted as it stands, starts a program that is there, and creates what is valid."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import validate

from functions.experiment.admission import read_experiment

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "examples").rglob("*.yaml"))

CLUSTER_KINDS = frozenset({"Job", "PyTorchJob"})

every_file = pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))


@every_file
def test_every_example_is_a_valid_experiment(file: Path) -> None:
    admission = read_experiment(yaml.safe_load(file.read_text()))

    assert [str(error) for error in admission.errors] == []


@every_file
def test_the_programs_of_every_example_are_there(file: Path) -> None:
    named = re.findall(r"examples/[\w/-]+\.\w+", file.read_text())

    missing = [name for name in named if not (ROOT / name).exists()]

    assert missing == []


@every_file
def test_what_an_example_creates_in_a_cluster_is_valid_to_the_field(file: Path) -> None:
    spec: Any = yaml.safe_load(file.read_text())["spec"]["trialTemplate"].get("trialSpec") or {}
    if spec.get("kind") not in CLUSTER_KINDS or "batch.amazonaws" in spec["apiVersion"]:
        return
    if spec["kind"] == "Job":
        validate({**spec, "metadata": {"name": "it"}}, desired_version="1.32", strict=True)
        return
    for replicas in spec["spec"]["pytorchReplicaSpecs"].values():  # of an operator's kinds Kubernetes knows the pods
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "it"}, **replicas["template"]}
        validate(pod, desired_version="1.32", strict=True)


@every_file
def test_every_example_is_in_the_table(file: Path) -> None:
    page = (ROOT / "examples/README.md").read_text()

    assert f"({file.relative_to(ROOT / 'examples')})" in page
