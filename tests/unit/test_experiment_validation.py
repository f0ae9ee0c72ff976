"""One row a rule: the Experiment that breaks just this one is refused with just this error."""

import pytest
from pydantic import JsonValue

from functions.experiment.admission import read_experiment
from tests.data.manifests import GONE, a_manifest

TEMPLATE = "spec.trialTemplate"
METRICS = "spec.metricsCollectorSpec"
FILE = {"collector": {"kind": "File"}}
A_FILTER = r"([\w|-]+)=(\d+)"


def a_file(**path: str) -> dict[str, object]:
    return {"collector": {"kind": "File"}, "source": {"fileSystemPath": path}}


def filtered(*expressions: str, kind: str = "StdOut") -> dict[str, object]:
    return {"collector": {"kind": kind}, "source": {"filter": {"metricsFormat": list(expressions)}}}


def a_template(*references: str) -> dict[str, object]:
    """Return edits to a template that uses these parameters."""
    command: list[JsonValue] = ["train", *(f"${{trialParameters.{name}}}" for name in references)]
    return {
        f"{TEMPLATE}.trialParameters": [{"name": name, "reference": name} for name in references],
        f"{TEMPLATE}.trialSpec.spec.command": command,
    }


def uses(name: str) -> dict[str, object]:
    """Return an edit after which the template has one more placeholder."""
    return {f"{TEMPLATE}.trialSpec.spec.args": [f"${{trialParameters.{name}}}"]}


def a_space(**fields: object) -> dict[str, object]:
    return {"spec.parameters[0].feasibleSpace": fields}


def stopping(**settings: object) -> dict[str, object]:
    pairs = [{"name": name, "value": value} for name, value in settings.items()]
    return {"spec.earlyStopping": {"algorithmName": "medianstop", "algorithmSettings": pairs}}


def setting(name: str, value: object) -> dict[str, object]:
    return {"spec.algorithm.algorithmSettings": [{"name": name, "value": value}]}


BROKEN = {
    "1 name with capitals": ({"metadata.name": "Digits"}, "metadata.name", "name must consist of lower case"),
    "1 name that starts with a digit": ({"metadata.name": "7digits"}, "metadata.name", "name must consist of"),
    "1 name that ends with a dash": ({"metadata.name": "digits-"}, "metadata.name", "name must consist of"),
    "1 name with a line break": ({"metadata.name": "digits\n"}, "metadata.name", "name must consist of"),
    "1 name of 41 characters": ({"metadata.name": "d" * 41}, "metadata.name", "name must consist of"),
    "1 no name": ({"metadata.name": GONE}, "metadata.name", "name must consist of"),
    "1 generateName too long": (
        {"metadata": {"generateName": "d" * 36}},
        "metadata.name",
        "name must consist of",
    ),
    "namespace": ({"metadata.namespace": "Team_A"}, "metadata.namespace", "namespace must consist of"),
    "apiVersion": ({"apiVersion": "kubeflow.org/v1"}, "apiVersion", "must be kubeflow.org/v1beta1"),
    "kind": ({"kind": "Trial"}, "kind", "must be Experiment"),
    "2 negative failures": (
        {"spec.maxFailedTrialCount": -1},
        "spec.maxFailedTrialCount",
        "should not be less than 0",
    ),
    "3 no trials": ({"spec.maxTrialCount": 0}, "spec.maxTrialCount", "must be greater than 0"),
    "4 nothing at a time": ({"spec.parallelTrialCount": 0}, "spec.parallelTrialCount", "must be greater than 0"),
    "5 more failures than trials": (
        {"spec.maxFailedTrialCount": 9},
        "spec.maxFailedTrialCount",
        "should be less than or equal to spec.maxTrialCount",
    ),
    "6 more at a time than at all": (
        {"spec.parallelTrialCount": 9},
        "spec.parallelTrialCount",
        "should be less than or equal to spec.maxTrialCount",
    ),
    "a count beyond int32": (
        {"spec.maxTrialCount": 2**31},
        "spec.maxTrialCount",
        "should be less than or equal to 2147483647",
    ),
    "10 no objective": ({"spec.objective": GONE}, "spec.objective", "must be specified"),
    "11 no direction": ({"spec.objective.type": GONE}, "spec.objective.type", "must be minimize or maximize"),
    "11 unknown direction": (
        {"spec.objective.type": "maximise"},
        "spec.objective.type",
        "must be minimize or maximize",
    ),
    "12 no metric": (
        {"spec.objective.objectiveMetricName": ""},
        "spec.objective.objectiveMetricName",
        "must be specified",
    ),
    "13 the objective again": (
        {"spec.objective.additionalMetricNames": ["loss", "accuracy"]},
        "spec.objective.additionalMetricNames",
        "should not contain spec.objective.objectiveMetricName",
    ),
    "additional metric without a name": (
        {"spec.objective.additionalMetricNames": ["loss", ""]},
        "spec.objective.additionalMetricNames[1]",
        "must be specified",
    ),
    "giant metric name": (
        {"spec.objective.objectiveMetricName": "m" * 256},
        "spec.objective.objectiveMetricName",
        "may not be longer than 255 characters",
    ),
    "strategy": (
        {"spec.objective.metricStrategies": [{"name": "loss", "value": "mean"}]},
        "spec.objective.metricStrategies[0].value",
        "must be 'min', 'max' or 'latest'",
    ),
    "14 no algorithm": ({"spec.algorithm": GONE}, "spec.algorithm", "must be specified"),
    "14 no algorithm name": ({"spec.algorithm": {}}, "spec.algorithm.algorithmName", "must be specified"),
    "15 unknown algorithm": (
        {"spec.algorithm": {"algorithmName": "oracle"}},
        "spec.algorithm.algorithmName",
        "unable to get Suggestion config data for algorithm oracle: it is none of ",
    ),
    "algorithm setting unknown": (
        setting("colour", "blue"),
        "spec.algorithm.algorithmSettings[0].name",
        "unknown setting colour for algorithm random",
    ),
    "algorithm setting out of range": (
        setting("random_state", -1),
        "spec.algorithm.algorithmSettings[0].value",
        "random_state should be great or equal than zero",
    ),
    "algorithm setting twice": (
        {"spec.algorithm.algorithmSettings": [{"name": "random_state", "value": "1"}] * 2},
        "spec.algorithm.algorithmSettings[1].name",
        "setting random_state is given twice",
    ),
    "an algorithm that cannot search this space": (
        {"spec.algorithm": {"algorithmName": "grid"}},
        "spec.parameters[0].feasibleSpace.step",
        "Param lr step is nil",
    ),
    "16 early stopping without a name": (
        {"spec.earlyStopping": {}},
        "spec.earlyStopping.algorithmName",
        "must be specified",
    ),
    "17 unknown early stopping": (
        {"spec.earlyStopping": {"algorithmName": "gut"}},
        "spec.earlyStopping.algorithmName",
        "unable to get EarlyStopping config data for algorithm gut",
    ),
    "early stopping setting unknown": (
        stopping(patience=3),
        "spec.earlyStopping.algorithmSettings[0].name",
        "unknown setting patience for algorithm medianstop",
    ),
    "early stopping without trials": (
        stopping(start_step=4, min_trials_required=0),
        "spec.earlyStopping.algorithmSettings[1].value",
        "min_trials_required must be greater than zero (>0)",
    ),
    "early stopping before the first step": (
        stopping(start_step=0),
        "spec.earlyStopping.algorithmSettings[0].value",
        "start_step must be greater or equal than one (>=1)",
    ),
    "early stopping by a word": (
        stopping(start_step="soon"),
        "spec.earlyStopping.algorithmSettings[0].value",
        "failed to validate start_step(soon): ",
    ),
    "18 resume policy": ({"spec.resumePolicy": "Always"}, "spec.resumePolicy", "invalid ResumePolicyType"),
    "19 no template": ({"spec.trialTemplate": GONE}, "spec.trialTemplate", "must be specified"),
    "21 no conditions": (
        {f"{TEMPLATE}.trialSpec.apiVersion": "argoproj.io/v1alpha1"},
        TEMPLATE,
        "successCondition and failureCondition must be specified",
    ),
    "22 no trialParameters": (
        {f"{TEMPLATE}.trialParameters": GONE},
        f"{TEMPLATE}.trialParameters",
        "must be specified",
    ),
    "23 no source": (
        {f"{TEMPLATE}.trialSpec": GONE, f"{TEMPLATE}.successCondition": "a", f"{TEMPLATE}.failureCondition": "b"},
        f"{TEMPLATE}.TrialSource",
        f"{TEMPLATE}.trialSpec or",
    ),
    "24 two sources": ({f"{TEMPLATE}.configMap": {}}, TEMPLATE, "only one of spec.trialTemplate.trialSpec or"),
    "27 no name": (
        {f"{TEMPLATE}.trialParameters[3]": {"reference": "${trialSpec.Name}"}},
        f"{TEMPLATE}.trialParameters[3]",
        "name and reference must be specified and name must not contain '{' or '}'",
    ),
    "30 reference to nothing": (
        {f"{TEMPLATE}.trialParameters[3]": {"name": "a", "reference": "b"}, **uses("a")},
        f"{TEMPLATE}.trialParameters[3].reference",
        "parameter reference b does not exist in spec.parameters: [lr layers optimizer]",
    ),
    "31 unused placeholder": (
        {f"{TEMPLATE}.trialParameters[3]": {"name": "a", "reference": "${trialSpec.Name}"}},
        f"{TEMPLATE}.trialParameters[3].name",
        "parameter name: a in spec.trialParameters not found in spec.trialTemplate",
    ),
    "32 unknown placeholder": (
        uses("b"),
        TEMPLATE,
        "parameters: [${trialParameters.b}] in spec.trialTemplate not found in spec.trialParameters",
    ),
    "34 a name of its own": (
        {f"{TEMPLATE}.trialSpec.metadata": {"name": "mine"}},
        TEMPLATE,
        "metadata.name and metadata.namespace in spec.trialTemplate must be omitted",
    ),
    "a parameter that no trial uses": (
        a_template("lr", "layers"),
        f"{TEMPLATE}.trialParameters",
        "every parameter of spec.parameters must be referenced, missing: [optimizer]",
    ),
    "37 nothing to search": (
        {"spec.parameters": [], **a_template()},
        "spec",
        "spec.parameters or spec.nasConfig must be specified",
    ),
    "38 both": (
        {"spec.nasConfig": {}},
        "spec",
        "only one of spec.parameters and spec.nasConfig can be specified",
    ),
    "a graph": (
        {"spec.nasConfig": {}, "spec.parameters": [], **a_template()},
        "spec.nasConfig",
        "this version has no algorithm that searches a graph",
    ),
    "39 unknown type": (
        {"spec.parameters[0].parameterType": "unknown"},
        "spec.parameters[0].parameterType",
        "parameterType: unknown is not supported",
    ),
    "39 any other type": (
        {"spec.parameters[0].parameterType": "float"},
        "spec.parameters[0].parameterType",
        "parameterType: float is not supported",
    ),
    "40 unknown distribution": (
        {"spec.parameters[0].feasibleSpace.distribution": "cauchy"},
        "spec.parameters[0].feasibleSpace.distribution",
        "distribution: cauchy is not supported",
    ),
    "42 list of a range": (
        a_space(min="1", max="2", list=["1"]),
        "spec.parameters[0].feasibleSpace.list",
        "feasibleSpace.list is not supported for parameterType: double",
    ),
    "43 no maximum": (
        a_space(min="1"),
        "spec.parameters[0].feasibleSpace.max",
        "feasibleSpace.max or feasibleSpace.min must be specified for parameterType: double",
    ),
    "44 range of a list": (
        {"spec.parameters[2].feasibleSpace.min": "1"},
        "spec.parameters[2].feasibleSpace",
        "feasibleSpace .max, .min and .step is not supported for parameterType: categorical",
    ),
    "empty list": (
        {"spec.parameters[2].feasibleSpace.list": []},
        "spec.parameters[2].feasibleSpace.list",
        "feasibleSpace.list must not be empty",
    ),
    "min above max": (a_space(min="2", max="1"), "spec.parameters[0].feasibleSpace.min", "feasibleSpace.min must not"),
    "no number": (
        a_space(min="low", max="1"),
        "spec.parameters[0].feasibleSpace.min",
        "feasibleSpace.min must be a number",
    ),
    "two of a name": (
        {"spec.parameters[1].name": "lr", **a_template("lr", "optimizer")},
        "spec.parameters[1].name",
        "parameter name lr can't be duplicated",
    ),
    "46 relative path": ({METRICS: a_file(path="m.log")}, f"{METRICS}.source.fileSystemPath.path", "file path where"),
    "46 directory": ({METRICS: a_file(kind="Directory")}, f"{METRICS}.source.fileSystemPath.path", "file path where"),
    "47 format": ({METRICS: a_file(format="CSV")}, f"{METRICS}.source.fileSystemPath.format", "format of metrics file"),
    "48 filter of JSON": (
        {METRICS: {**FILE, "source": {"fileSystemPath": {"format": "JSON"}, "filter": {"metricsFormat": [A_FILTER]}}}},
        f"{METRICS}.source.filter",
        "filter must be nil when format of metrics file is json",
    ),
    "55 unknown collector": (
        {METRICS: {"collector": {"kind": "None"}}},
        f"{METRICS}.collector.kind",
        "invalid metrics collector kind: None",
    ),
    "56 filter of a file": (
        {METRICS: filtered("(a", kind="File")},
        f"{METRICS}.source.filter.metricsFormat",
        "invalid filter: ",
    ),
    "56 filter of stdout": (
        {METRICS: filtered(A_FILTER, "(a")},
        f"{METRICS}.source.filter.metricsFormat",
        "invalid filter: ",
    ),
    "57 one group": (
        {METRICS: filtered("(a)")},
        f"{METRICS}.source.filter.metricsFormat",
        "two top subexpressions are required",
    ),
    **{
        f"collector {kind}": (
            {METRICS: {"collector": {"kind": kind}}},
            f"{METRICS}.collector.kind",
            f"this version cannot read metrics of collector kind: {kind}; use StdOut, File, Push",
        )
        for kind in ("TensorFlowEvent", "PrometheusMetric", "Custom")
    },
}

SOUND = {
    "as it is": {},
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
        f"{METRICS}.collector.kind",
    }
