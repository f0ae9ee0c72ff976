"""What an Experiment means where it says nothing."""

from pathlib import Path

import pytest
import yaml

from events.experiment import ExperimentResource
from events.resource import Manifest
from functions.experiment.defaults import apply_defaults

DATA = Path(__file__).parents[1] / "data"

COMPLETE = 'status.conditions.#(type=="Complete")#|#(status=="True")#'
SUCCEEDED = 'status.conditions.#(type=="Succeeded")#|#(status=="True")#'
FAILED = 'status.conditions.#(type=="Failed")#|#(status=="True")#'
MASTER = {"training.kubeflow.org/job-role": "master"}
FIRST_NODE = {"jobset.sigs.k8s.io/replicatedjob-name": "node", "batch.kubernetes.io/job-completion-index": "0"}


def an_experiment(**spec: object) -> ExperimentResource:
    """Return the smallest Experiment with these fields of its spec, before its defaults."""
    manifest = yaml.safe_load((DATA / "job.yaml").read_text())
    return ExperimentResource.model_validate({**manifest, "spec": {**manifest["spec"], **spec}})


def of_kind(kind: object, **template: object) -> ExperimentResource:
    return an_experiment(trialTemplate={"trialSpec": {"kind": kind}, **template})


def collected_by(kind: str, **source: object) -> Manifest:
    resource = an_experiment(metricsCollectorSpec={"collector": {"kind": kind}, "source": source})
    spec = apply_defaults(resource).spec.metrics_collector_spec
    assert spec is not None
    found = spec.to_manifest()["source"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ({}, 3),
        ({"maxTrialCount": 12}, 3),
        ({"maxTrialCount": 2}, 2),
        ({"maxTrialCount": 1}, 1),
        ({"maxTrialCount": 0}, 1),
        ({"maxTrialCount": 2, "parallelTrialCount": 5}, 5),
    ],
)
def test_three_trials_run_side_by_side_or_as_many_as_are_wanted(budget: dict[str, int], expected: int) -> None:
    assert apply_defaults(an_experiment(**budget)).spec.parallel_trial_count == expected


def test_other_counts_have_no_default() -> None:
    spec = apply_defaults(an_experiment()).spec

    assert (spec.max_trial_count, spec.max_failed_trial_count) == (None, None)


def test_an_experiment_is_never_resumed_unless_it_says_so() -> None:
    assert apply_defaults(an_experiment()).spec.resume_policy == "Never"
    assert apply_defaults(an_experiment(resumePolicy="LongRunning")).spec.resume_policy == "LongRunning"


@pytest.mark.parametrize(
    ("direction", "fold"), [({"type": "minimize"}, "min"), ({"type": "maximize"}, "max"), ({}, "latest")]
)
def test_metrics_are_folded_the_way_of_the_objective(direction: dict[str, str], fold: str) -> None:
    given = {"name": "time", "value": "latest"}
    names = {"objectiveMetricName": "loss", "additionalMetricNames": ["time", "f1", "f1"]}

    objective = apply_defaults(
        an_experiment(objective={**direction, **names, "metricStrategies": [given]})
    ).spec.objective

    assert objective is not None
    assert [(s.name, s.value) for s in objective.metric_strategies] == [
        ("time", "latest"),
        ("loss", fold),
        ("f1", fold),
    ]


@pytest.mark.parametrize(
    ("kind", "success", "labels"),
    [
        ("Job", COMPLETE, None),
        ("TFJob", SUCCEEDED, MASTER),
        ("PyTorchJob", SUCCEEDED, MASTER),
        ("XGBoostJob", SUCCEEDED, MASTER),
        ("MPIJob", SUCCEEDED, MASTER),
        ("TrainJob", COMPLETE, FIRST_NODE),
    ],
)
def test_a_known_kind_has_its_conditions_and_its_primary_pod(kind: str, success: str, labels: dict[str, str]) -> None:
    template = apply_defaults(of_kind(kind)).spec.trial_template

    assert template is not None
    assert (template.success_condition, template.failure_condition) == (success, FAILED)
    assert template.primary_pod_labels == labels


@pytest.mark.parametrize("kind", ["Workflow", "Process", 3, None])
def test_another_kind_has_none(kind: object) -> None:
    template = apply_defaults(of_kind(kind)).spec.trial_template

    assert template is not None
    assert (template.success_condition, template.failure_condition, template.primary_pod_labels) == ("", "", None)


def test_conditions_that_are_given_stay() -> None:
    given = {"successCondition": "a", "failureCondition": "b", "primaryPodLabels": {"c": "d"}}

    template = apply_defaults(of_kind("TFJob", **given)).spec.trial_template

    assert template is not None
    assert (template.success_condition, template.failure_condition) == ("a", "b")
    assert template.primary_pod_labels == {"c": "d"}


@pytest.mark.parametrize("given", [None, {}, {"source": {"filter": {"metricsFormat": ["(a)(b)"]}}}])
def test_metrics_are_read_from_stdout(given: object) -> None:
    collector = apply_defaults(an_experiment(metricsCollectorSpec=given)).spec.metrics_collector_spec

    assert collector is not None
    assert collector.kind == "StdOut"
    assert collector.filters == (("(a)(b)",) if given else ())


def test_each_collector_has_its_place() -> None:
    file: Manifest = {"path": "/var/log/katib/metrics.log", "kind": "File", "format": "TEXT"}

    assert collected_by("File") == {"fileSystemPath": file}
    assert collected_by("File", fileSystemPath={"path": "/m", "format": "JSON"}) == {
        "fileSystemPath": {"path": "/m", "kind": "File", "format": "JSON"}
    }
    assert collected_by("TensorFlowEvent") == {
        "fileSystemPath": {"path": "/var/log/katib/tfevent/", "kind": "Directory"}
    }
    assert collected_by("PrometheusMetric", httpGet={"port": "0"}) == {"httpGet": {"path": "/metrics", "port": 8080}}
    assert collected_by("PrometheusMetric", httpGet={"path": "/m", "port": 1}) == {"httpGet": {"path": "/m", "port": 1}}
    assert collected_by("Push") == {}


def test_parameters_are_spread_evenly() -> None:
    space = {"min": "1", "max": "2"}
    given = [
        {"name": "a", "parameterType": "int", "feasibleSpace": {**space, "distribution": "normal"}},
        {"name": "b", "parameterType": "double", "feasibleSpace": space},
        {"name": "c", "parameterType": "categorical", "feasibleSpace": {"list": ["x"]}},
    ]

    parameters = apply_defaults(an_experiment(parameters=given)).spec.parameters

    assert [each.feasible_space.distribution for each in parameters] == ["normal", "uniform", "uniform"]


@pytest.mark.parametrize(
    "resource",
    [
        ExperimentResource(),
        an_experiment(),
        an_experiment(maxTrialCount=1, metricsCollectorSpec={"collector": {"kind": "File"}}),
        an_experiment(metricsCollectorSpec={"collector": {"kind": "PrometheusMetric"}}),
        an_experiment(metricsCollectorSpec={"collector": {"kind": "TensorFlowEvent"}}),
        of_kind("TrainJob"),
    ],
)
def test_a_second_time_changes_nothing(resource: ExperimentResource) -> None:
    once = apply_defaults(resource)

    assert apply_defaults(once) == once


def test_the_experiment_that_came_stays_as_it_was() -> None:
    resource = an_experiment()
    before = resource.to_manifest()

    apply_defaults(resource)

    assert resource.to_manifest() == before
