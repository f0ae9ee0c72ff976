"""A manifest becomes an Experiment, or a list of everything that is wrong with it."""

from datetime import date

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from events.experiment import ExperimentResource
from functions.experiment.admission import FieldError, read_experiment
from tests.data.manifests import GONE, a_manifest

PARALLEL = "spec.parallelTrialCount"
SPACE = "spec.parameters[0].feasibleSpace"


def errors_of(edits: dict[str, object]) -> list[str]:
    return [str(error) for error in read_experiment(a_manifest(edits)).errors]


def test_a_sound_experiment_enters_with_its_defaults() -> None:
    admission = read_experiment(a_manifest(file="job.yaml"))

    assert (admission.errors, admission.unknown) == ((), ())
    assert admission.resource is not None
    spec = admission.resource.spec
    assert (spec.parallel_trial_count, spec.resume_policy) == (3, "Never")
    assert spec.trial_template is not None
    assert spec.trial_template.success_condition.startswith("status.conditions")


def test_an_experiment_that_was_admitted_is_admitted_again() -> None:
    first = read_experiment(a_manifest()).resource
    assert first is not None

    again = read_experiment(first.to_manifest())

    assert again.errors == ()
    assert again.resource == first


def test_a_rule_that_is_broken_leaves_the_resource_to_look_at() -> None:
    admission = read_experiment(a_manifest({"spec.maxTrialCount": 0, PARALLEL: 1}))

    assert admission.errors == (FieldError("spec.maxTrialCount", "must be greater than 0"),)
    assert admission.resource is not None


def test_numbers_of_a_search_space_may_be_unquoted() -> None:
    space = {"min": 1e-05, "max": 0.1, "step": 2}
    edits = {SPACE: space, "spec.parameters[2].feasibleSpace.list": ["sgd", 3, 0.5]}

    resource = read_experiment(a_manifest(edits)).resource

    assert resource is not None
    lr, _, optimizer = resource.spec.parameters
    assert (lr.feasible_space.min, lr.feasible_space.max, lr.feasible_space.step) == ("1e-05", "0.1", "2")
    assert optimizer.feasible_space.list == ("sgd", "3", "0.5")
    assert resource.spec.algorithm is not None
    assert resource.spec.algorithm.algorithm_settings[0].value == "7"


@pytest.mark.parametrize(
    ("edits", "error"),
    [
        ({PARALLEL: "many"}, f'{PARALLEL}: must be a whole number, got "many"'),
        ({PARALLEL: "3"}, f'{PARALLEL}: must be a whole number, got "3"'),
        ({PARALLEL: 2.5}, f"{PARALLEL}: must be a whole number, got 2.5"),
        ({PARALLEL: True}, f"{PARALLEL}: must be a whole number, got true"),
        ({"spec.objective.goal": "0.9"}, 'spec.objective.goal: must be a number, got "0.9"'),
        ({"spec.objective": "accuracy"}, 'spec.objective: must be an object, got "accuracy"'),
        (
            {"spec.objective.additionalMetricNames": "loss"},
            'spec.objective.additionalMetricNames: must be a list, got "loss"',
        ),
        ({"spec.trialTemplate.retain": "no"}, 'spec.trialTemplate.retain: must be true or false, got "no"'),
        ({"spec.trialTemplate.trialSpec": []}, "spec.trialTemplate.trialSpec: must be an object, got []"),
        ({"spec.parameters": {"lr": 1}}, 'spec.parameters: must be a list, got {"lr": 1}'),
        ({"spec.parameters[1]": "x" * 99}, f'spec.parameters[1]: must be an object, got "{"x" * 59}...'),
        ({"spec.parameters[0].name": GONE}, "spec.parameters[0].name: must be specified"),
        ({"spec.parameters[0].parameterType": GONE}, "spec.parameters[0].parameterType: must be specified"),
        ({f"{SPACE}.max": True}, f"{SPACE}.max: must be a string, got true: put it in quotes"),
        (
            {"spec.parameters[2].feasibleSpace.list": ["a", False]},
            "spec.parameters[2].feasibleSpace.list[1]: must be a string, got false: put it in quotes",
        ),
        ({"metadata.labels": {"team": 7}}, "metadata.labels.team: must be a string, got 7: put it in quotes"),
        (
            {"metadata.creationTimestamp": "yesterday"},
            "metadata.creationTimestamp: must be a time such as 2026-01-31T12:00:00Z",
        ),
        ({"spec": ["x"]}, 'spec: must be an object, got ["x"]'),
    ],
)
def test_a_wrong_type_is_one_error_in_plain_words(edits: dict[str, object], error: str) -> None:
    admission = read_experiment(a_manifest(edits))

    assert [str(each) for each in admission.errors] == [error]
    assert admission.resource is None


@pytest.mark.parametrize("manifest", [[], "text", None, 7])
def test_what_is_no_object_is_no_experiment(manifest: object) -> None:
    admission = read_experiment(manifest)  # type: ignore[arg-type]

    assert [error.path for error in admission.errors] == ["body"]
    assert admission.resource is None


def test_wrong_types_do_not_hide_broken_rules() -> None:
    edits = {
        PARALLEL: "many",
        "spec.objective.goal": "high",
        "spec.parameters[0].parameterType": "float",
        "metadata.name": "Digits",
        "spec.resumePolicy": "Always",
        "spec.metricsCollectorSpec": {"collector": {"kind": "Custom"}},
    }

    paths = [error.split(": ")[0] for error in errors_of(edits)]

    assert sorted(paths) == [
        "metadata.name",
        "spec.metricsCollectorSpec.collector.customCollector",
        "spec.objective.goal",
        PARALLEL,
        "spec.parameters[0].parameterType",
        "spec.resumePolicy",
    ]


def test_null_is_nothing() -> None:
    edits = {
        "metadata.annotations": None,
        "metadata.creationTimestamp": None,
        "spec.earlyStopping": None,
        "spec.algorithm.algorithmSettings": None,
        "spec.metricsCollectorSpec": None,
        "spec.objective.goal": None,
        f"{SPACE}.distribution": "",
    }

    assert errors_of(edits) == []


def test_a_null_of_the_template_stays() -> None:
    resource = read_experiment(a_manifest({"spec.trialTemplate.trialSpec.spec.env": None})).resource

    assert resource is not None
    assert resource.spec.trial_template is not None
    assert resource.spec.trial_template.trial_spec is not None
    assert resource.spec.trial_template.trial_spec["spec"]["env"] is None  # type: ignore[index, call-overload]


def test_a_date_of_the_template_is_text() -> None:
    resource = read_experiment(
        a_manifest({"spec.trialTemplate.trialSpec.spec.env": {"SINCE": date(2026, 3, 1)}})
    ).resource

    assert resource is not None
    assert resource.spec.trial_template is not None
    assert resource.spec.trial_template.trial_spec is not None
    assert resource.spec.trial_template.trial_spec["spec"]["env"] == {"SINCE": "2026-03-01"}  # type: ignore[index, call-overload]


def test_unknown_fields_are_told_by_their_paths_and_kept() -> None:
    edits = {
        "colour": "blue",
        "metadata.annotation": {},
        "spec.paralelTrialCount": 2,
        "spec.parallel_trial_count": 2,
        "spec.parameters[1].feasibleSpace.maximum": "3",
        "spec.trialTemplate.trialSpec.anything": "goes",
    }

    admission = read_experiment(a_manifest(edits))

    assert sorted(admission.unknown) == [
        "colour",
        "metadata.annotation",
        "spec.paralelTrialCount",
        "spec.parallel_trial_count",
        "spec.parameters[1].feasibleSpace.maximum",
    ]
    assert admission.errors == ()
    assert admission.resource is not None
    assert admission.resource.to_manifest()["spec"]["paralelTrialCount"] == 2  # type: ignore[index, call-overload]


def test_what_a_server_writes_is_neither_unknown_nor_read() -> None:
    edits = {
        "metadata.managedFields": [{}],
        "metadata.generation": 3,
        "metadata.uid": "a",
        "status": {"trials": "three", "lastReconcileTime": None},
    }

    admission = read_experiment(a_manifest(edits))

    assert (admission.errors, admission.unknown) == ((), ())
    assert admission.resource is not None
    assert admission.resource.status is None


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(float("nan"), id="not a number"),
        pytest.param(float("inf"), id="infinity"),
        pytest.param({1, 2}, id="set"),
        pytest.param({(1, 2): 3}, id="key"),
        pytest.param("\ud800", id="half a character"),
    ],
)
def test_what_json_cannot_write_is_an_error(value: object) -> None:
    assert len(errors_of({"spec.trialTemplate.trialSpec.spec.x": value})) == 1


@pytest.mark.parametrize("depth", [300, 100_000])
def test_deep_nesting_is_an_error(depth: int) -> None:
    deep: dict[str, object] = {}
    for _ in range(depth):
        deep = {"a": deep}

    assert len(errors_of({"spec.trialTemplate.trialSpec.spec": deep})) == 1


def test_yaml_that_holds_itself_is_an_error() -> None:
    manifest = yaml.safe_load("&all {kind: Experiment, spec: *all}")

    assert [error.path for error in read_experiment(manifest).errors] == ["body"]


_WORDS = """kind name spec objective type goal parameters parameterType feasibleSpace list min max algorithm reference
    algorithmName algorithmSettings earlyStopping trialTemplate trialSpec trialParameters maxTrialCount collector source
    metricsCollectorSpec fileSystemPath filter metricsFormat nasConfig value resumePolicy"""
_NAMES = st.sampled_from(_WORDS.split())
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(spec=st.dictionaries(_NAMES, _VALUES, max_size=8), metadata=_VALUES)
def test_nothing_that_comes_raises(spec: dict[str, object], metadata: object) -> None:
    admission = read_experiment({"kind": "Experiment", "metadata": metadata, "spec": spec})  # type: ignore[dict-item]

    assert admission.errors
    assert all(error.path and error.message for error in admission.errors)
    assert admission.resource is None or isinstance(admission.resource, ExperimentResource)
