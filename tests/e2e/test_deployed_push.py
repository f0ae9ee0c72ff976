"""Workers that push over a real RabbitMQ into a real MariaDB: many points, a Worker that is killed, a forged token."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.builders import an_experiment_manifest
from tests.e2e.deployment import ROOT, Deployment
from tests.services.mariadb import MariaDB
from tests.services.rabbitmq import RabbitMQServer

BEGIN = f"import os, signal, sys; sys.path.insert(0, {str(ROOT)!r}); from events import report_metrics\n"
SCRIPTS = {
    "honest": "for step in range(200): report_metrics({'loss': 200 - step})",
    "killed": "report_metrics({'loss': 1})\nos.kill(os.getpid(), signal.SIGKILL)",
    "forger": "os.environ['KUTTAB_TOKEN'] = 'f' * 64\nreport_metrics({'loss': 1})",
}


@pytest.fixture
def deployed_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Deployment, RabbitMQServer]]:
    monkeypatch.setenv("KUTTAB_SECRET", "a secret of the deployment")
    with ExitStack() as stack:
        (tmp_path / "rabbitmq").mkdir()
        rabbitmq = RabbitMQServer.install(tmp_path / "rabbitmq")
        stack.callback(rabbitmq.close)
        mariadb = MariaDB()
        stack.callback(mariadb.remove)
        rabbitmq.start()
        mariadb.start()
        with mariadb.database() as url:
            deployed = Deployment(tmp_path, broker_url=rabbitmq.url, database_url=url)
            yield deployed, rabbitmq
            deployed.close()


def an_experiment_of(script: str, name: str, folder: Path) -> str:
    template = {
        "trialParameters": [{"name": "x", "reference": "x"}],
        "trialSpec": {
            "apiVersion": "kuttab.dev/v1",
            "kind": "Process",
            "spec": {"command": [sys.executable, "-c", BEGIN + script, "${trialParameters.x}"]},
        },
    }
    budget = {"maxTrialCount": 1, "parallelTrialCount": 1, "maxFailedTrialCount": 1}
    spec: dict[str, Any] = {
        "metricsCollectorSpec": {"collector": {"kind": "Push"}},
        "trialTemplate": template,
        **budget,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(an_experiment_manifest(name=name, **spec)))
    return str(path)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_pushed_points_count_for_their_own_trial_only(
    deployed_broker: tuple[Deployment, RabbitMQServer], tmp_path: Path
) -> None:
    deployment, rabbitmq = deployed_broker
    deployment.kuttab("db", "upgrade")
    deployment.start("runner", "--slots", "3", "--host", "a", name="runner-a")
    deployment.start("clock", name="clock")
    deployment.wait(lambda: "is at work" in deployment.log("runner-a"), seconds=120, why="the runner starts")
    for name, script in SCRIPTS.items():
        deployment.kuttab("submit", an_experiment_of(script, name, tmp_path))

    def have_ended() -> bool:
        conditions = [deployment.experiment(name)["status"]["conditions"] for name in SCRIPTS]
        return all(any(it["type"] in {"Succeeded", "Failed"} for it in each) for each in conditions)

    deployment.wait(have_ended, seconds=200, why="the Experiments end")

    status = {name: deployment.experiment(name)["status"] for name in SCRIPTS}
    (metric,) = status["honest"]["currentOptimalTrial"]["observation"]["metrics"]
    assert (metric["min"], metric["max"], metric["latest"]) == ("1", "200", "1")
    assert status["killed"]["trialsFailed"] == 1
    assert status["forger"]["trialMetricsUnavailable"] == 1
    rows = rabbitmq.control("list_queues", "--silent", "name", "messages").splitlines()
    dead = {name: int(count) for name, count in (row.split() for row in rows) if "dead" in name and count != "0"}
    assert list(dead.values()) == [2], "the forger's point and its count"
