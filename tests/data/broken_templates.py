"""Edits that break one rule of trial templates or metrics collectors each: the field, and how its message begins."""

from pydantic import JsonValue

from tests.data.manifests import GONE

Rows = dict[str, tuple[dict[str, object], str, str]]

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


def from_config_map(**place: str) -> dict[str, object]:
    conditions = {f"{TEMPLATE}.successCondition": "a", f"{TEMPLATE}.failureCondition": "b"}
    return {f"{TEMPLATE}.trialSpec": GONE, f"{TEMPLATE}.configMap": place, **conditions}


def a_job() -> dict[str, object]:
    """Return an edit after which the command is that of a Job's container."""
    command = [f"${{trialParameters.{name}}}" for name in ("learningRate", "numberLayers", "optimizer")]
    pod = {"restartPolicy": "Never", "containers": [{"name": "training", "image": "trainer", "command": command}]}
    spec = {"activeDeadlineSeconds": "${trialParameters.numberLayers}", "template": {"spec": pod}}
    return {f"{TEMPLATE}.trialSpec": {"apiVersion": "batch/v1", "kind": "Job", "spec": spec}}


def a_job_with(**fields: object) -> dict[str, object]:
    """Return edits after which a Job's container has these fields besides."""
    at = f"{TEMPLATE}.trialSpec.spec.template.spec.containers[0]"
    return {**a_job(), **{f"{at}.{name}": value for name, value in fields.items()}}


def a_training_job(**fields: object) -> dict[str, object]:
    """Return edits after which a PyTorchJob's container has these fields besides."""
    command = [f"${{trialParameters.{name}}}" for name in ("learningRate", "numberLayers", "optimizer")]
    pod = {"containers": [{"name": "training", "image": "trainer", "command": command, **fields}]}
    spec = {"pytorchReplicaSpecs": {"Master": {"template": {"spec": pod}}}}
    return {f"{TEMPLATE}.trialSpec": {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "spec": spec}}


def events_in(**path: str) -> dict[str, object]:
    return {"collector": {"kind": "TensorFlowEvent"}, "source": {"fileSystemPath": path}}


def served_at(**endpoint: object) -> dict[str, object]:
    return {"collector": {"kind": "PrometheusMetric"}, "source": {"httpGet": endpoint}}


def a_custom_collector(**path: str) -> dict[str, object]:
    collector = {"kind": "Custom", "customCollector": {"name": "collector", "image": "mine"}}
    return {"collector": collector, "source": {"fileSystemPath": path}}


BROKEN_TEMPLATES: Rows = {
    "19 no template": ({"spec.trialTemplate": GONE}, "spec.trialTemplate", "must be specified"),
    "21 no conditions": (
        {f"{TEMPLATE}.trialSpec.apiVersion": "argoproj.io/v1alpha1"},
        TEMPLATE,
        "successCondition and failureCondition must be specified",
    ),
    "20 no primary container": (
        {**a_job(), f"{TEMPLATE}.primaryContainerName": GONE},
        f"{TEMPLATE}.primaryContainerName",
        "must be specified",
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
    "25 half a ConfigMap": (
        {**from_config_map(configMapName="templates", templatePath="a.yaml")},
        f"{TEMPLATE}.configMap",
        "configMapName, configMapNamespace and templatePath must be specified",
    ),
    "26 a ConfigMap that is not there": (
        from_config_map(configMapName="templates", configMapNamespace="team", templatePath="a.yaml"),
        TEMPLATE,
        "unable to parse spec.trialTemplate: ConfigMap team/templates is not at hand",
    ),
    "27 braces in a name": (
        {f"{TEMPLATE}.trialParameters[3]": {"name": "{a", "reference": "${trialSpec.Name}"}, **uses("{a")},
        f"{TEMPLATE}.trialParameters[3]",
        "name and reference must be specified and name must not contain '{' or '}'",
    ),
    "28 a name twice": (
        {f"{TEMPLATE}.trialParameters[3]": {"name": "optimizer", "reference": "${trialSpec.Name}"}},
        f"{TEMPLATE}.trialParameters[3].name",
        "parameter name optimizer can't be duplicated in spec.trialTemplate.trialParameters: [{learningRate  lr}",
    ),
    "29 a reference twice": (
        {f"{TEMPLATE}.trialParameters[3]": {"name": "a", "reference": "lr"}, **uses("a")},
        f"{TEMPLATE}.trialParameters[3].reference",
        "parameter reference lr can't be duplicated in spec.trialTemplate.trialParameters: [{learningRate  lr}",
    ),
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
    "35 no kind": (
        {f"{TEMPLATE}.trialSpec.kind": GONE, f"{TEMPLATE}.trialSpec.apiVersion": "kuttab.dev/v1"},
        TEMPLATE,
        "APIVersion and Kind in spec.trialTemplate must be specified",
    ),
    "36 a field of a pod in its Job": (
        {**a_job(), f"{TEMPLATE}.trialSpec.spec.template.restartPolicy": "Never"},
        TEMPLATE,
        'invalid spec.trialTemplate: unable to convert: /spec/template/restartPolicy - "Never" to Job',
    ),
    "36 a misspelt field of a container": (
        {**a_job(), f"{TEMPLATE}.trialSpec.spec.template.spec.containers[0].imagePullpolicy": "Always"},
        TEMPLATE,
        "invalid spec.trialTemplate: unable to convert: /spec/template/spec/containers/0/imagePullpolicy",
    ),
    "36 a word for a number": (
        {**a_job(), f"{TEMPLATE}.trialSpec.spec.backoffLimit": "never"},
        TEMPLATE,
        'invalid spec.trialTemplate: unable to convert: /spec/backoffLimit - "never" to Job: must be a whole number',
    ),
    "a number in a Job's args": (
        a_job_with(args=["--epochs", 5]),
        TEMPLATE,
        (
            "invalid spec.trialTemplate: unable to convert: /spec/template/spec/containers/0/args/1 - 5 to Job: "
            "must be a string: put it in quotes"
        ),
    ),
    "a Job's command of one text": (
        a_job_with(args="--epochs=5"),
        TEMPLATE,
        (
            "invalid spec.trialTemplate: unable to convert: /spec/template/spec/containers/0/args - "
            '"--epochs=5" to Job: must be a list'
        ),
    ),
    "a variable of a Job without a name": (
        a_job_with(env=[{"name": "", "value": "1"}]),
        TEMPLATE,
        'invalid spec.trialTemplate: unable to convert: /spec/template/spec/containers/0/env/0/name - "" to Job: must',
    ),
    "a variable of a Job with an equals sign": (
        a_job_with(env=[{"name": "A", "value": "1"}, {"name": "A=B", "value": "1"}]),
        TEMPLATE,
        (
            'invalid spec.trialTemplate: unable to convert: /spec/template/spec/containers/0/env/1/name - "A=B" to Job:'
            " a valid environment variable name must consist only of printable ASCII characters other than '='"
        ),
    ),
    "a variable of a Job that is a number": (
        a_job_with(env=[{"name": "A", "value": 1}]),
        TEMPLATE,
        "invalid spec.trialTemplate: unable to convert: /spec/template/spec/containers/0/env/0/value - 1 to Job: must",
    ),
    "variables of a Job as a mapping": (
        a_job_with(env={"A": "1"}),
        TEMPLATE,
        'invalid spec.trialTemplate: unable to convert: /spec/template/spec/containers/0/env - {"A": "1"} to Job: must',
    ),
    "a number in another kind's args": (
        a_training_job(args=["--epochs", 5]),
        f"{TEMPLATE}.trialSpec",
        "container training: args[1]: must be a string: put it in quotes, got 5",
    ),
    "a variable of another kind without a name": (
        a_training_job(env=[{"value": "1"}]),
        f"{TEMPLATE}.trialSpec",
        "container training: env[0].name: must be specified, got null",
    ),
    "a parameter that no trial uses": (
        a_template("lr", "layers"),
        f"{TEMPLATE}.trialParameters",
        "every parameter of spec.parameters must be referenced, missing: [optimizer]",
    ),
    "46 relative path": ({METRICS: a_file(path="m.log")}, f"{METRICS}.source.fileSystemPath.path", "file path where"),
    "46 directory": ({METRICS: a_file(kind="Directory")}, f"{METRICS}.source.fileSystemPath.path", "file path where"),
    "47 format": ({METRICS: a_file(format="CSV")}, f"{METRICS}.source.fileSystemPath.format", "format of metrics file"),
    "48 filter of JSON": (
        {METRICS: {**FILE, "source": {"fileSystemPath": {"format": "JSON"}, "filter": {"metricsFormat": [A_FILTER]}}}},
        f"{METRICS}.source.filter",
        "filter must be nil when format of metrics file is json",
    ),
    "48 an empty filter of JSON": (
        {METRICS: {**FILE, "source": {"fileSystemPath": {"format": "JSON"}, "filter": {}}}},
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
    "49 directory without a path": (
        {METRICS: events_in(path="events")},
        f"{METRICS}.source",
        "directory path where tensorflow event files exist is required by .spec.metricsCollectorSpec.source.file",
    ),
    "49 a file of events": ({METRICS: events_in(kind="File")}, f"{METRICS}.source", "directory path where tensorflow"),
    "50 format of events": (
        {METRICS: events_in(format="TEXT")},
        f"{METRICS}.source.fileSystemPath.format",
        "must be empty",
    ),
    "51 port": (
        {METRICS: served_at(port="metrics")},
        f"{METRICS}.source.httpGet.port",
        "must be a positive integer value for metrics collector kind: PrometheusMetric",
    ),
    "51 negative port": ({METRICS: served_at(port=-1)}, f"{METRICS}.source.httpGet.port", "must be a positive integer"),
    "51 port beyond ports": (
        {METRICS: served_at(port=65_536)},
        f"{METRICS}.source.httpGet.port",
        "must be a positive integer",
    ),
    "52 path": (
        {METRICS: served_at(path="metrics")},
        f"{METRICS}.source.httpGet.path",
        "path is invalid for metrics collector kind: PrometheusMetric",
    ),
    "53 no container": (
        {METRICS: {"collector": {"kind": "Custom"}}},
        f"{METRICS}.collector.customCollector",
        "metrics collector kind: Custom is required",
    ),
    "54 place of a custom collector": (
        {METRICS: a_custom_collector(path="out", kind="File")},
        f"{METRICS}.source.fileSystemPath",
        ".spec.metricsCollectorSpec.source is invalid",
    ),
    "54 kind of place": (
        {METRICS: a_custom_collector(path="/out", kind="Socket")},
        f"{METRICS}.source.fileSystemPath",
        ".spec.metricsCollectorSpec.source is invalid",
    ),
    "a condition that never matches": (
        {f"{TEMPLATE}.successCondition": 'status.#(type=="Complete"'},
        f"{TEMPLATE}.successCondition",
        "invalid GJSON path: '(' has no counterpart",
    ),
}
