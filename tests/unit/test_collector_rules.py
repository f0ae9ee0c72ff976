"""Collectors that Katib's own rules do not decide about: what is admitted, and what of ours is refused."""

import pytest

from functions.experiment.admission import read_experiment
from tests.data.manifests import a_manifest

METRICS = "spec.metricsCollectorSpec"
COMPANION = {"name": "collector", "image": "collector", "command": ["collect"]}


def collected(kind: str, container: object = None, **source: object) -> dict[str, object]:
    collector = {"kind": kind, **({"customCollector": container} if container else {})}
    return {"collector": collector, **({"source": source} if source else {})}


BROKEN = {
    "scheme": (
        collected("PrometheusMetric", httpGet={"scheme": "FTP"}),
        "source.httpGet.scheme: must be HTTP or HTTPS",
    ),
    "filter of a custom collector": (
        collected("Custom", COMPANION, filter={"metricsFormat": ["(a"]}),
        "source.filter.metricsFormat: invalid filter: ",
    ),
}

SOUND = {
    "events": collected("TensorFlowEvent"),
    "endpoint": collected("PrometheusMetric", httpGet={"port": "9090", "scheme": "HTTPS"}),
    "custom": collected("Custom", COMPANION),
    "custom with a file": collected("Custom", COMPANION, fileSystemPath={"path": "/tmp/m", "kind": "File"}),
}


@pytest.mark.parametrize(("spec", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_collector_has_one_error(spec: dict[str, object], message: str) -> None:
    errors = [str(error) for error in read_experiment(a_manifest({METRICS: spec})).errors]

    assert len(errors) == 1, errors
    assert errors[0].startswith(f"{METRICS}.{message}")


@pytest.mark.parametrize("spec", SOUND.values(), ids=SOUND)
def test_a_sound_collector_is_admitted(spec: dict[str, object]) -> None:
    assert list(read_experiment(a_manifest({METRICS: spec})).errors) == []
