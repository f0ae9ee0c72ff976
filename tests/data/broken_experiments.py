"""Edits that break one rule each of what is searched, how and how long: the field, and how its message begins."""

from tests.data.broken_templates import Rows, a_template
from tests.data.manifests import GONE


def a_space(**fields: object) -> dict[str, object]:
    return {"spec.parameters[0].feasibleSpace": fields}


def stopping(**settings: object) -> dict[str, object]:
    pairs = [{"name": name, "value": value} for name, value in settings.items()]
    return {"spec.earlyStopping": {"algorithmName": "medianstop", "algorithmSettings": pairs}}


def setting(name: str, value: object) -> dict[str, object]:
    return {"spec.algorithm.algorithmSettings": [{"name": name, "value": value}]}


LEFT_OUT = {
    7: "a rule of updates: see test_experiment_editing",
    8: "a rule of updates that is relaxed: a smaller budget creates nothing until there is room",
    9: "a rule of updates: see test_experiment_editing",
    33: "a template that is no object is a wrong type, or refused with its ConfigMap: see test_config_map",
    41: "the default of the distribution leaves no parameter without; for a graph see the test of its operations",
    45: "there is no katib-config: a collector is part of Kuttab or it is not",
}
"""Katib's rules without a row, and why."""

BROKEN_EXPERIMENTS: Rows = {
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
    "label with a space": (
        {"metadata.labels": {"my team": "scribes"}},
        "metadata.labels",
        "Invalid value: \"my team\": name part must consist of alphanumeric characters, '-', '_' or '.', and must",
    ),
    "label without a name": ({"metadata.labels": {"": "x"}}, "metadata.labels", 'Invalid value: "": name part must be'),
    "label of 64 characters": (
        {"metadata.labels": {"a" * 64: "x"}},
        "metadata.labels",
        f'Invalid value: "{"a" * 64}": name part must be no more than 63 characters',
    ),
    "label without a domain": (
        {"metadata.labels": {"/team": "x"}},
        "metadata.labels",
        'Invalid value: "/team": prefix',
    ),
    "label with a domain in capitals": (
        {"metadata.labels": {"Example.com/team": "x"}},
        "metadata.labels",
        'Invalid value: "Example.com/team": prefix part a lowercase RFC 1123 subdomain must consist of lower case',
    ),
    "label with a long domain": (
        {"metadata.labels": {f"{'a' * 254}/team": "x"}},
        "metadata.labels",
        f'Invalid value: "{"a" * 254}/team": prefix part must be no more than 253 characters',
    ),
    "label with two slashes": ({"metadata.labels": {"a/b/c": "x"}}, "metadata.labels", 'Invalid value: "a/b/c": a qua'),
    "label value with a space": (
        {"metadata.labels": {"team": "the scribes"}},
        "metadata.labels",
        'Invalid value: "the scribes": a valid label must be an empty string or consist of alphanumeric characters',
    ),
    "label value with a line break": (
        {"metadata.labels": {"team": "scribes\n"}},
        "metadata.labels",
        'Invalid value: "scribes\\n": a valid label must be',
    ),
    "label value of 64 characters": (
        {"metadata.labels": {"team": "a" * 64}},
        "metadata.labels",
        f'Invalid value: "{"a" * 64}": must be no more than 63 characters',
    ),
    "annotation with a space": (
        {"metadata.annotations": {"a note": "any text, of course"}},
        "metadata.annotations",
        'Invalid value: "a note": name part must consist of',
    ),
    "annotations of too many bytes": (
        {"metadata.annotations": {"note": "é" * 131_072}},
        "metadata.annotations",
        "Too long: may not be more than 262144 bytes",
    ),
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
    "a graph for an algorithm that searches none": (
        {"spec.nasConfig": {}, "spec.parameters": GONE, **a_template()},
        "spec.nasConfig",
        "algorithm random searches spec.parameters, not spec.nasConfig",
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
}
