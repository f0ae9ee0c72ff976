"""Other clients of Kubernetes' API against `kuttab serve`: lightkube, and the official Python client."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightkube import AsyncClient, KubeConfig
from lightkube.generic_resource import create_namespaced_resource
from lightkube.types import PatchType

from tests.integration.test_kubectl import a_job_experiment
from tests.services.face import Served, serve
from tests.services.katib_sdk import katib_python

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("api clients"), pytest.mark.timeout(600)]

EXPERIMENT = create_namespaced_resource("kubeflow.org", "v1beta1", "Experiment", "experiments")
TRIAL = create_namespaced_resource("kubeflow.org", "v1beta1", "Trial", "trials")

OFFICIAL = """
import json, sys, yaml
from kubernetes import client, config, watch
config.load_kube_config(sys.argv[1])
api, place = client.CustomObjectsApi(), ("kubeflow.org", "v1beta1", "default", "experiments")
api.create_namespaced_custom_object(*place, yaml.safe_load(open("experiment.yaml")))
watcher = watch.Watch()
for event in watcher.stream(api.list_namespaced_custom_object, *place, timeout_seconds=100):
    found = event["object"]
    print(event["type"], found["metadata"]["name"], found["status"]["conditions"][-1]["type"])
    if found["status"]["conditions"][-1]["type"] == "Succeeded":
        watcher.stop()
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as found:
        yield found


async def test_lightkube_watches_what_it_creates_edits_and_deletes(served: Served) -> None:
    client = AsyncClient(config=KubeConfig.from_file(served.kubeconfig), namespace="default")  # type: ignore[call-overload]
    manifest: Any = a_job_experiment("light", "sleep 1; echo loss=$1", maxTrialCount=9, parallelTrialCount=1)
    seen: list[tuple[str, str]] = []

    async def watch() -> None:
        async for kind, found in client.watch(EXPERIMENT, fields={"metadata.name": "light"}):
            seen.append((kind, found.status["conditions"][-1]["type"]))
            if kind == "DELETED":
                return

    watching = asyncio.create_task(watch())
    await client.create(EXPERIMENT(metadata=manifest["metadata"], spec=manifest["spec"]))
    await client.patch(EXPERIMENT, "light", {"spec": {"maxTrialCount": 2}}, patch_type=PatchType.MERGE)
    await client.wait(EXPERIMENT, "light", for_conditions=["Succeeded"])
    trials = [trial async for trial in client.list(TRIAL, labels={"katib.kubeflow.org/experiment": "light"})]
    await client.delete(EXPERIMENT, "light")
    await asyncio.wait_for(watching, 60)
    await client.close()

    assert len(trials) == 2
    assert {kind for kind, _ in seen} == {"ADDED", "MODIFIED", "DELETED"}
    assert seen[-1] == ("DELETED", "Succeeded")


def test_the_official_client_watches(served: Served, tmp_path: Path) -> None:
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(a_job_experiment("official", "sleep 1; echo loss=$1")))

    done = subprocess.run(
        [katib_python(), "-c", OFFICIAL, served.kubeconfig], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if " official " in line]
    assert (lines[0][0], lines[-1][2]) == ("ADDED", "Succeeded")
