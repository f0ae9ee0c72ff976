"""Templates that stand in ConfigMaps: of the same file, of another one, and what is said where they are not right."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from events.resource import Manifest
from events.search_space import ParameterAssignment
from functions.experiment.admission import read_experiment
from functions.trial.template import render
from local_runner.checking import InvalidFileError, Submission, check
from local_runner.config_maps import load_config_maps
from local_runner.documents import DocumentError, load_documents
from tests.builders import an_experiment_manifest

SOURCE = {"configMapName": "templates", "configMapNamespace": "team", "templatePath": "job.yaml"}
TEMPLATE = """
apiVersion: batch/v1
kind: Job
spec:
  parallelism: 1
  template:
    spec:
      containers:
        - name: main
          command: [train, --x, ${trialParameters.x}, "--again=${trialParameters.x}"]
          env: [{name: TRIAL, value: "${trialParameters.trial}"}]
"""


def an_experiment(**source: str) -> Manifest:
    parameters = [{"name": "x", "reference": "x"}, {"name": "trial", "reference": "${trialSpec.Name}"}]
    template = {
        "primaryContainerName": "main",
        "successCondition": 'status.conditions.#(type=="Complete")#|#(status=="True")#',
        "failureCondition": 'status.conditions.#(type=="Failed")#|#(status=="True")#',
        "trialParameters": parameters,
        "configMap": {**SOURCE, **source},
    }
    return an_experiment_manifest(trialTemplate=template)


def a_config_map(text: object = TEMPLATE, **metadata: str) -> dict[str, object]:
    named = {"name": "templates", "namespace": "team", **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": {"job.yaml": text}}


def checked(folder: Path, *documents: object, besides: tuple[object, ...] = ()) -> list[Submission]:
    (folder / "file.yaml").write_text(yaml.safe_dump_all(documents))
    (folder / "maps.yaml").write_text(yaml.safe_dump_all(besides))
    maps = load_config_maps([str(folder / "maps.yaml")]) if besides else []
    return check(load_documents(str(folder / "file.yaml")), namespace=None, target=None, config_maps=maps)


def refusal(folder: Path, *documents: object) -> list[str]:
    with pytest.raises(InvalidFileError) as refused:
        checked(folder, *documents)
    return [line.removeprefix(f"{folder}/file.yaml: ") for line in str(refused.value).splitlines()]


def rendered(submission: Submission, x: str) -> Any:
    resource = read_experiment(submission.event.resource).resource
    assert resource is not None
    assert resource.spec.trial_template is not None
    assignments = [ParameterAssignment(name="x", value=x)]
    return render(resource.spec.trial_template, assignments=assignments, trial_name="t-1", namespace="team")


@pytest.mark.parametrize("map_first", [True, False])
def test_a_document_of_the_same_file_is_found(tmp_path: Path, *, map_first: bool) -> None:
    documents = [a_config_map(), an_experiment()]

    (submission,) = checked(tmp_path, *(documents if map_first else reversed(documents)))

    assert submission.event.target == "process"
    assert submission.resource.spec.trial_template is not None
    assert (submission.resource.spec.trial_template.manifest or {})["kind"] == "Job"


def test_a_file_of_its_own_is_found(tmp_path: Path) -> None:
    (submission,) = checked(tmp_path, an_experiment(), besides=(a_config_map(),))

    container = rendered(submission, "0.5")["spec"]["template"]["spec"]["containers"][0]
    assert container["command"] == ["train", "--x", "0.5", "--again=0.5"]
    assert container["env"] == [{"name": "TRIAL", "value": "t-1"}]


def test_a_value_is_data_whatever_it_holds(tmp_path: Path) -> None:
    (submission,) = checked(tmp_path, a_config_map(), an_experiment())

    value = '", kind: [Pod], ${trialParameters.trial}'
    command = rendered(submission, value)["spec"]["template"]["spec"]["containers"][0]["command"]
    assert command == ["train", "--x", value, f"--again={value}"]


def test_the_template_is_kept_with_the_experiment(tmp_path: Path) -> None:
    (submission,) = checked(tmp_path, a_config_map(), an_experiment())

    again = checked(tmp_path, submission.event.resource)[0]

    assert again.event.resource["spec"] == submission.event.resource["spec"]


def test_a_map_without_a_namespace_stands_for_every_one(tmp_path: Path) -> None:
    assert checked(tmp_path, a_config_map(namespace=""), an_experiment())


def test_of_two_of_a_name_that_of_the_experiments_file_counts(tmp_path: Path) -> None:
    other = TEMPLATE.replace("--again", "--other")

    (submission,) = checked(tmp_path, a_config_map(), an_experiment(), besides=(a_config_map(other),))

    assert "--again=1" in rendered(submission, "1")["spec"]["template"]["spec"]["containers"][0]["command"]


@pytest.mark.parametrize(
    ("config_map", "message"),
    [
        (a_config_map(name="others"), "ConfigMap team/templates is not at hand: "),
        (a_config_map(namespace="others"), "ConfigMap team/templates is not at hand: "),
        ({**a_config_map(), "data": {}}, "ConfigMap team/templates has no text under data[job.yaml]"),
        (a_config_map({"kind": "Job"}), "ConfigMap team/templates has no text under data[job.yaml]"),
        (a_config_map("a: [1"), "team/templates: job.yaml:1: "),
    ],
)
def test_a_template_that_cannot_be_had_is_one_error(
    tmp_path: Path, config_map: dict[str, object], message: str
) -> None:
    (line,) = refusal(tmp_path, config_map, an_experiment())

    assert line.startswith("document 2: spec.trialTemplate: unable to parse spec.trialTemplate: ")
    assert message in line


def test_a_template_that_is_no_object_is_refused(tmp_path: Path) -> None:
    (line,) = refusal(tmp_path, a_config_map("train now"), an_experiment())

    assert line.endswith("spec.trialTemplate: unable to convert spec.trialTemplate: train now to unstructured")


def test_a_template_is_checked_like_any_other(tmp_path: Path) -> None:
    lines = refusal(tmp_path, a_config_map(TEMPLATE.replace("parallelism", "paralelism")), an_experiment())

    assert [line.partition("unable to convert: ")[2] for line in lines] == ["/spec/paralelism - 1 to Job"]


def test_a_file_of_maps_holds_no_experiment(tmp_path: Path) -> None:
    assert refusal(tmp_path, a_config_map()) == ["holds no Experiment"]


def test_what_is_given_as_a_map_is_one(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"maps\.yaml: kind: must be ConfigMap, got Experiment"):
        checked(tmp_path, an_experiment(), besides=(an_experiment(),))
