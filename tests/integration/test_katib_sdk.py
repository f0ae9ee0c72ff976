"""Katib's own Python SDK, unmodified, against `kuttab serve`."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.test_kubectl import a_job_experiment
from tests.services.face import Served, serve
from tests.services.katib_sdk import katib_python

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("katib sdk"), pytest.mark.timeout(600)]

TUNE = """
def objective(parameters):
    print(f"result={4 * int(parameters['a']) - float(parameters['b']) ** 2}")

space = {"a": katib.search.int(min=10, max=20), "b": katib.search.double(min=0.1, max=0.2)}
client.tune(
    name="tuned", objective=objective, parameters=space, objective_metric_name="result",
    max_trial_count=4, parallel_trial_count=2, resources_per_trial={"cpu": "1"},
)
client.wait_for_experiment_condition("tuned", polling_interval=0.2, timeout=120)
best = client.get_optimal_hyperparameters("tuned")
answer = {
    "best": {it.name: it.value for it in best.parameter_assignments},
    "result": best.observation.metrics[0].latest,
    "trials": [it["name"] for it in client.get_success_trial_details("tuned")],
    "is_succeeded": client.is_experiment_succeeded("tuned"),
}
"""

FILE = """
import yaml
client.create_experiment(yaml.safe_load(open("experiment.yaml")))
try:
    client.create_experiment(yaml.safe_load(open("experiment.yaml")))
except Exception as error:
    twice = str(error)
client.edit_experiment_budget("edited", max_trial_count=2)
client.wait_for_experiment_condition("edited", polling_interval=0.2, timeout=120)
answer = {
    "twice": twice,
    "budget": client.get_experiment("edited").spec.max_trial_count,
    "trials": len(client.list_trials("edited")),
    "suggestions": client.get_suggestion("edited").status.suggestion_count,
    "experiments": [it.metadata.name for it in client.list_experiments()],
}
client.delete_experiment("edited")
try:
    client.get_experiment("edited")
except RuntimeError as error:
    answer["deleted"] = str(error)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as found:
        yield found


def run(served: Served, script: str, directory: Path) -> Any:
    """Run a script of the SDK's user and return its answer."""
    client = f"client = katib.KatibClient(config_file={str(served.kubeconfig)!r})"
    begin = f"import json\nfrom kubeflow import katib\n{client}\n"
    file = directory / "script.py"
    file.write_text(f"{begin}{script}\njson.dump(answer, open('answer.json', 'w'))\n")
    done = subprocess.run(
        [katib_python(), file], cwd=directory, env=served.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((directory / "answer.json").read_text())


def test_tune_finds_the_best_of_a_function(served: Served, tmp_path: Path) -> None:
    found = run(served, TUNE, tmp_path)

    assert found["is_succeeded"] is True
    assert len(found["trials"]) == 4
    best = found["best"]
    assert float(found["result"]) == pytest.approx(4 * int(best["a"]) - float(best["b"]) ** 2)


def test_a_file_is_created_edited_awaited_and_deleted(served: Served, tmp_path: Path) -> None:
    manifest = a_job_experiment("edited", "sleep 1; echo loss=$1", maxTrialCount=50, parallelTrialCount=1)
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(manifest))

    found = run(served, FILE, tmp_path)

    assert found["twice"] == "A Katib Experiment with the name default/edited already exists."
    assert (found["budget"], found["trials"], found["suggestions"]) == (2, 2, 2)
    assert "edited" in found["experiments"]
    assert found["deleted"] == "Failed to get Katib Experiment: default/edited"
