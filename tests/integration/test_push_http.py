"""Workers that push over HTTP: report_metrics() against `kuttab serve`, with the token of their Trial."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from events import publish
from events.experiment import ExperimentCreated
from functions.trial.view import EXPERIMENT_LABEL
from tests.integration.embedded_rig import a_process_experiment
from tests.integration.test_push import BEGIN, PUSH
from tests.services.face import Served, eventually, serve

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("push http")]

BASE = "/apis/kubeflow.org/v1beta1/namespaces/default"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as found:
        yield found


def an_experiment(served: Served, name: str, script: str) -> ExperimentCreated:
    """Return an Experiment whose Worker is told of nothing but the server."""
    push = f"import os; os.environ['KUTTAB_BROKER_URL'] = {served.url!r}\n{script}"
    return a_process_experiment(sys.executable, "-c", BEGIN + push, name=name, **PUSH)


def get(served: Served, path: str) -> Any:
    with urlopen(f"{served.url}{BASE}/{path}") as answer:
        return json.load(answer)


def finish(served: Served, name: str) -> Any:
    """Wait until the Experiment has ended, and return its one Trial's status."""

    def find() -> Any:
        items = get(served, "experiments")["items"]
        found = next((it for it in items if it["metadata"]["name"] == name), None)
        return found and found["status"].get("completionTime")

    eventually(find, f"{name} has ended")
    (trial,) = get(served, f"trials?labelSelector={EXPERIMENT_LABEL}={name}")["items"]
    return trial["status"]


def test_pushed_points_all_count(served: Served) -> None:
    publish(served.url, an_experiment(served, "honest", "for it in range(50): report_metrics({'loss': 50 - it})"))

    status = finish(served, "honest")

    assert status["conditions"][-1]["type"] == "Succeeded"
    assert status["observation"]["metrics"] == [{"name": "loss", "min": "1", "max": "50", "latest": "1"}]


def test_a_forged_token_is_an_error_of_the_worker(served: Served) -> None:
    script = "os.environ['KUTTAB_TOKEN'] = 'f' * 64\nreport_metrics({'loss': 1})"
    publish(served.url, an_experiment(served, "forger", script))

    status = finish(served, "forger")

    assert status["conditions"][-1]["type"] == "Failed"
    assert "observation" not in status
    logs = [path.read_text() for path in Path(served.home).rglob("*") if path.is_file() and path.name == "log"]
    assert any("403 kuttabtoken: is not the token of attempt 1 of forger-" in log for log in logs)
