"""One row a rule of the collectors: the Experiment that breaks just this one is refused with just this error."""

import pytest

from functions.experiment.admission import read_experiment
from tests.data.manifests import a_manifest

METRICS = "spec.metricsCollectorSpec"
COMPANION = {"name": "collector", "image": "collector", "command": ["collect"]}


def collected(kind: str, container: object = None, **source: object) -> dict[str, object]:
    collector = {"kind": kind, **({"customCollector": container} if container else {})}
    return {"collector": collector, **({"source": source} if source else {})}


BROKEN = {
    "49 events in a file": (
        {METRICS: collected("TensorFlowEvent", fileSystemPath={"path": "/tmp/events", "kind": "File"})},
        f"{METRICS}.source",
        "directory path where tensorflow event files exist is required by",
    ),
    "49 events in a relative directory": (
        {METRICS: collected("TensorFlowEvent", fileSystemPath={"path": "events"})},
        f"{METRICS}.source",
        "directory path where tensorflow event files exist is required by",
    ),
    "50 events with a format": (
        {METRICS: collected("TensorFlowEvent", fileSystemPath={"format": "TEXT"})},
        f"{METRICS}.source.fileSystemPath.format",
        "must be empty",
    ),
    **{
        f"51 port {port}": (
            {METRICS: collected("PrometheusMetric", httpGet={"port": port})},
            f"{METRICS}.source.httpGet.port",
            "must be a positive integer value for metrics collector kind: PrometheusMetric",
        )
        for port in ("-1", "metrics", 65_536, "8080.0")
    },
    "52 path": (
        {METRICS: collected("PrometheusMetric", httpGet={"path": "metrics"})},
        f"{METRICS}.source.httpGet.path",
        "path is invalid for metrics collector kind: PrometheusMetric",
    ),
    "scheme": (
        {METRICS: collected("PrometheusMetric", httpGet={"scheme": "FTP"})},
        f"{METRICS}.source.httpGet.scheme",
        "must be HTTP or HTTPS",
    ),
    "53 custom without a container": (
        {METRICS: {"collector": {"kind": "Custom"}}},
        f"{METRICS}.collector.customCollector",
        "metrics collector kind: Custom is required",
    ),
    "54 custom with a relative path": (
        {METRICS: collected("Custom", COMPANION, fileSystemPath={"path": "metrics", "kind": "File"})},
        f"{METRICS}.source.fileSystemPath",
        ".spec.metricsCollectorSpec.source is invalid",
    ),
    "56 filter of a custom collector": (
        {METRICS: collected("Custom", COMPANION, filter={"metricsFormat": ["(a"]})},
        f"{METRICS}.source.filter.metricsFormat",
        "invalid filter: ",
    ),
}

SOUND = {
    "events": collected("TensorFlowEvent"),
    "endpoint": collected("PrometheusMetric", httpGet={"port": "9090", "scheme": "HTTPS"}),
    "custom": collected("Custom", COMPANION),
    "custom with a file": collected("Custom", COMPANION, fileSystemPath={"path": "/tmp/m", "kind": "File"}),
}


@pytest.mark.parametrize(("edits", "path", "message"), BROKEN.values(), ids=BROKEN)
def test_a_collector_that_breaks_one_rule_has_one_error(edits: dict[str, object], path: str, message: str) -> None:
    errors = [str(error) for error in read_experiment(a_manifest(edits)).errors]

    assert len(errors) == 1, errors
    assert errors[0].startswith(f"{path}: {message}")


@pytest.mark.parametrize("spec", SOUND.values(), ids=SOUND)
def test_a_sound_collector_is_admitted(spec: dict[str, object]) -> None:
    assert read_experiment(a_manifest({METRICS: spec})).errors == ()
