"""`kuttab logs` of Workers that run elsewhere: as pods of a cluster, as jobs of AWS Batch, with a client."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from events.envelope import new_id
from events.experiment import ExperimentCreated
from functions.trial.model import Trial
from infra.settings import Settings
from local_runner.cli.main import cli
from local_runner.embedded import EmbeddedRunner
from tests.builders import a_reference, an_experiment_manifest
from tests.integration.embedded_rig import clean_up, eventually, open_reader, quick_settings
from tests.integration.test_batch_run import a_manifest as a_batch_manifest
from tests.integration.test_kubernetes_run import a_manifest as a_job_manifest
from tests.services.kubernetes import Cluster
from tests.services.kubernetes_pods import OUR_IMAGE
from tests.services.moto_batch import BatchPlace

pytestmark = pytest.mark.slow
ONE = {"maxTrialCount": 1, "parallelTrialCount": 1}
KEPT = {"template": {"retain": True}}


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    quick = quick_settings(tmp_path)
    yield quick
    await clean_up(quick)


@pytest.fixture
def in_cluster(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path)))
    return cluster


async def logs(settings: Settings, trial: Trial, *options: str) -> Result:
    arguments = ["logs", trial.name, *options, "--dir", str(settings.directory)]
    return await asyncio.to_thread(CliRunner().invoke, cli, arguments)


async def run(settings: Settings, manifest: Any) -> Trial:
    """Run an Experiment of one Trial to its end."""
    event = an_event(manifest)
    async with EmbeddedRunner(settings) as runner:
        await runner.submit(event)
        await runner.wait_until_finished(event.experiment.uid)
    return await the_trial(settings, event)


async def the_trial(settings: Settings, event: ExperimentCreated) -> Trial:
    async with open_reader(settings) as reader:
        (trial,) = await reader.all_trials(event.experiment.uid)
        return trial


def an_event(manifest: Any) -> ExperimentCreated:
    return ExperimentCreated(experiment=a_reference(new_id(), name=manifest["metadata"]["name"]), resource=manifest)


async def test_a_running_pods_log_is_followed_to_its_end(
    settings: Settings, in_cluster: Cluster, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    script = f'echo "loss=$1"; while [ ! -e {go} ]; do sleep 0.1; done; echo done'
    event = an_event(a_job_manifest(script, **KEPT, **ONE))

    async with EmbeddedRunner(settings) as runner:
        await runner.submit(event)

        async def is_logged() -> bool:
            async with open_reader(settings) as reader:
                return any(trial.cursor for trial in await reader.all_trials(event.experiment.uid))

        await eventually(is_logged, "the pod's first line is read")
        trial = await the_trial(settings, event)
        early = await logs(settings, trial)
        in_cluster.inject("GET", "/log", 500, "InternalError", "a moment please", times=4)
        following = asyncio.create_task(logs(settings, trial, "-f"))
        await eventually(lambda: is_back(in_cluster), "the server is well again")
        go.touch()
        followed = await following
        await runner.wait_until_finished(event.experiment.uid)

    assert early.output.startswith("loss=")
    assert (followed.exit_code, followed.stdout) == (0, f"{early.output}done\n")
    assert (await logs(settings, trial, "--tail", "1")).output == "done\n"


async def is_back(cluster: Cluster) -> bool:
    return cluster.do(lambda api: not any(fault.times for fault in api.faults))


async def test_a_log_that_went_with_its_pod_is_one_clear_message(settings: Settings, in_cluster: Cluster) -> None:
    trial = await run(settings, a_job_manifest('echo "loss=$1"', **ONE))

    answers = [await logs(settings, trial), await logs(settings, trial, "--previous")]

    assert [it.exit_code for it in answers] == [1, 1]
    assert answers[0].output == f"error: {trial.name} has no log: its pod is gone, and the log with it\n"
    assert "no attempt before the current one" in answers[1].output


async def test_beside_a_collector_it_is_the_workers_own_output(settings: Settings, in_cluster: Cluster) -> None:
    object.__setattr__(settings, "image", OUR_IMAGE)
    source = {"fileSystemPath": {"path": "/var/log/katib/metrics.log", "kind": "File", "format": "TEXT"}}
    collector = {"metricsCollectorSpec": {"collector": {"kind": "File"}, "source": source}}
    script = 'echo "loss=$1" > /var/log/katib/metrics.log; echo for people'
    trial = await run(settings, a_job_manifest(script, **collector, **KEPT, **ONE))

    answer = await logs(settings, trial)

    assert answer.output == "for people\n"


async def test_a_cluster_that_is_away_is_one_clear_line(
    settings: Settings, in_cluster: Cluster, tmp_path: Path
) -> None:
    trial = await run(settings, a_job_manifest('echo "loss=$1"', **KEPT, **ONE))
    in_cluster.url = "http://127.0.0.1:9"
    in_cluster.kubeconfig(tmp_path)

    answer = await logs(settings, trial)

    assert answer.exit_code == 2
    assert answer.output.startswith("error: GET /api/v1/namespaces/default/pods: ")
    assert answer.output.count("\n") == 1


async def test_a_batch_jobs_log_is_cloudwatchs_and_says_when_that_is_gone(
    settings: Settings, batch_place: BatchPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in batch_place.server.environment.items():
        monkeypatch.setenv(name, value)
    trial = await run(settings, a_batch_manifest(batch_place, 'echo "loss=$1"; echo done', **ONE))

    whole = await logs(settings, trial)
    (job,) = batch_place.server.client("batch").describe_jobs(jobs=[trial.reference])["jobs"]
    stream = job["container"]["logStreamName"]
    batch_place.server.client("logs").delete_log_stream(logGroupName="/aws/batch/job", logStreamName=stream)
    gone = await logs(settings, trial)

    assert whole.output.splitlines()[-1] == "done"
    assert (gone.exit_code, gone.output.count("\n")) == (1, 1)
    assert gone.output.startswith(f"error: {trial.name} has no log: there is no log stream ")


async def test_a_client_has_the_log_of_what_it_runs(settings: Settings) -> None:
    manifest = an_experiment_manifest(kind="External", name="outside", **ONE)
    event = an_event(manifest)
    async with EmbeddedRunner(settings) as runner:
        await runner.submit(event)

        async def is_there() -> bool:
            async with open_reader(settings) as reader:
                return bool(await reader.all_trials(event.experiment.uid))

        await eventually(is_there, "the Trial is there")
        trial = await the_trial(settings, event)
        answer = await logs(settings, trial)

    assert answer.exit_code == 1
    assert answer.output == f"error: {trial.name} runs on target external: only its client has its log\n"
