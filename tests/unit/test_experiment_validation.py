"""One row a rule: the Experiment that breaks just this one is refused with just this error."""

import pytest

from events.experiment import ExperimentSpec
from functions.experiment.admission import read_experiment
from functions.experiment.search_rules import validate_space
from tests.data.broken_experiments import BROKEN_EXPERIMENTS, LEFT_OUT, stopping
from tests.data.broken_templates import (
    A_FILTER,
    BROKEN_TEMPLATES,
    METRICS,
    TEMPLATE,
    a_file,
    a_job,
    a_job_with,
    filtered,
    from_config_map,
)
from tests.data.manifests import GONE, a_manifest

BROKEN = {**BROKEN_EXPERIMENTS, **BROKEN_TEMPLATES}
"""By a name that begins with the number of Katib's rule, where Katib has one."""

SOUND = {
    "a job": a_job(),
    "a ConfigMap's template": {
        **from_config_map(configMapName="a", configMapNamespace="b", templatePath="c"),
        f"{TEMPLATE}.configMap.trialSpec": a_job()[f"{TEMPLATE}.trialSpec"],
    },
    "conditions of another kind": {
        f"{TEMPLATE}.successCondition": "status.[@this].#(succeeded==1)",
        f"{TEMPLATE}.failureCondition": 'status.conditions.#(type=="Succeeded")#|#(status=="False")#',
    },
    "as it is": {},
    "labels and annotations": {
        "metadata.labels": {"example.com/Team_1": "", "a.b-c": "9" * 63},
        "metadata.annotations": {"Example.com/Note": "any text: ü\n"},
    },
    "env of a job": a_job_with(env=[{"name": "my-var.1 (%)", "value": ""}, {"name": "HOST", "valueFrom": {}}]),
    "name of 40 characters": {"metadata.name": "d" * 40},
    "name to generate": {"metadata": {"generateName": "digits-"}},
    "one trial": {"spec.maxTrialCount": 1, "spec.parallelTrialCount": GONE, "spec.maxFailedTrialCount": 0},
    "no end": {"spec.maxTrialCount": GONE},
    "goal of nothing": {"spec.objective.goal": 0},
    "median stop": stopping(start_step=1, min_trials_required="5"),
    "long running": {"spec.resumePolicy": "LongRunning"},
    "file": {METRICS: filtered(A_FILTER, kind="File")},
    "json": {METRICS: a_file(path="/tmp/metrics.json", format="JSON")},
    "push": {METRICS: {"collector": {"kind": "Push"}}},
    "stdout": {METRICS: filtered(A_FILTER)},
}


@pytest.mark.parametrize(("edits", "path", "message"), BROKEN.values(), ids=BROKEN)
def test_an_experiment_that_breaks_one_rule_has_one_error(edits: dict[str, object], path: str, message: str) -> None:
    errors = [str(error) for error in read_experiment(a_manifest(edits)).errors]

    assert len(errors) == 1, errors
    assert errors[0].startswith(f"{path}: {message}")


@pytest.mark.parametrize("edits", SOUND.values(), ids=SOUND)
def test_a_sound_experiment_has_none(edits: dict[str, object]) -> None:
    assert [str(error) for error in read_experiment(a_manifest(edits)).errors] == []


def test_a_graph_is_a_search_space_whose_operations_are_looked_at() -> None:
    sound = {"name": "size", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "3", "step": "1"}}
    empty = {"name": "stride", "parameterType": "int"}
    operations = [{"operationType": "skip"}, {"operationType": "pooling", "parameters": [sound, empty]}]

    spec = ExperimentSpec.model_validate({"nasConfig": {"operations": operations}})

    path = "spec.nasConfig.operations[1].parameters[1].feasibleSpace"
    assert list(validate_space(spec)) == [(path, "feasibleSpace must be specified")]


def test_every_rule_of_katib_has_a_row_or_a_reason() -> None:
    numbered = {int(first) for row in BROKEN if (first := row.split()[0]).isdigit()}

    assert numbered | set(LEFT_OUT) == set(range(1, 58))
    assert not numbered & set(LEFT_OUT)


def test_every_error_is_told_at_once() -> None:
    everything = {
        "metadata.name": "Digits",
        "spec.parallelTrialCount": 0,
        "spec.objective.type": GONE,
        "spec.algorithm.algorithmName": "oracle",
        "spec.resumePolicy": "Always",
        "spec.parameters[0].feasibleSpace.min": "low",
        METRICS: {"collector": {"kind": "Custom"}},
    }

    paths = {error.path for error in read_experiment(a_manifest(everything)).errors}

    assert paths == {
        "metadata.name",
        "spec.parallelTrialCount",
        "spec.objective.type",
        "spec.algorithm.algorithmName",
        "spec.resumePolicy",
        "spec.parameters[0].feasibleSpace.min",
        f"{METRICS}.collector.customCollector",
    }
