"""What a cluster refuses, delays or loses during an Experiment: one clear message, the class, and it goes on."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from events.envelope import new_id
from events.experiment import ExperimentCreated
from events.trial import FailureClass
from functions.experiment.model import Experiment, Phase
from functions.trial.model import Trial, TrialState
from infra.settings import Settings
from local_runner.embedded import EmbeddedRunner
from tests.builders import a_reference
from tests.integration.embedded_rig import clean_up, open_reader, quick_settings
from tests.integration.test_kubernetes_run import a_manifest
from tests.services.kubernetes import Cluster
from tests.services.kubernetes_pods import NOWHERE

pytestmark = pytest.mark.slow
FORBIDDEN = (
    'jobs.batch is forbidden: User "x" cannot create resource "jobs" in API group "batch" in the namespace "default"'
)
QUOTA = 'jobs.batch "x" is forbidden: exceeded quota: small, requested: count/jobs.batch=1, used: 4, limited: 4'


@pytest.fixture
async def settings(tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Settings]:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path)))
    quick = quick_settings(tmp_path)
    yield quick
    await clean_up(quick)


async def run(settings: Settings, **manifest: Any) -> tuple[Experiment, Sequence[Trial]]:
    """Run an Experiment of two Trials, one after the other, of which both may fail."""
    script = manifest.pop("script", 'echo "loss=$1"')
    budget = {"maxTrialCount": 2, "parallelTrialCount": 1, "maxFailedTrialCount": 2}
    resource = a_manifest(script, **{**budget, **manifest})
    event = ExperimentCreated(experiment=a_reference(new_id(), name="jobs"), resource=resource)
    async with EmbeddedRunner(settings) as runner, open_reader(settings) as reader:
        await runner.submit(event)
        experiment = await runner.wait_until_finished(event.experiment.uid)
        return experiment, await reader.all_trials(event.experiment.uid)


async def test_a_kind_that_the_cluster_does_not_know_fails_each_trial_and_so_the_experiment(settings: Settings) -> None:
    spec = {"apiVersion": "example.com/v1", "kind": "Nothing", "spec": {"x": "${trialParameters.x}"}}
    conditions = {"successCondition": "status.ok", "failureCondition": "status.bad"}

    experiment, trials = await run(settings, template={"trialSpec": spec, **conditions})

    words = "the cluster knows no kind Nothing of example.com/v1: is its operator installed?"
    assert experiment.phase == Phase.FAILED
    assert {(it.reason, it.message, it.failure) for it in trials} == {
        ("UnknownKind", words, FailureClass.LAUNCH_FAILED)
    }


async def test_a_forbidden_namespace_fails_its_trial_with_the_servers_words(
    settings: Settings, cluster: Cluster
) -> None:
    cluster.inject("POST", "/jobs", 403, "Forbidden", FORBIDDEN)

    experiment, (first, second) = await run(settings)

    assert (first.state, first.reason, first.failure) == (
        TrialState.FAILED,
        "Forbidden",
        FailureClass.LAUNCH_FAILED,
    )
    assert first.message == f"POST /apis/batch/v1/namespaces/default/jobs: {FORBIDDEN}"
    assert (second.state, experiment.phase) == (TrialState.SUCCEEDED, Phase.SUCCEEDED)


async def test_a_quota_that_is_used_up_is_tried_again_and_noted(settings: Settings, cluster: Cluster) -> None:
    cluster.inject("POST", "/jobs", 403, "Forbidden", QUOTA)

    experiment, (first, _) = await run(settings)

    (attempt,) = first.attempts
    assert (attempt.reason, attempt.failure_class) == ("QuotaExceeded", FailureClass.LAUNCH_FAILED)
    assert QUOTA in attempt.message
    assert (first.state, first.attempt, experiment.phase) == (TrialState.SUCCEEDED, 2, Phase.SUCCEEDED)


@pytest.mark.parametrize(
    ("status", "reason", "times"), [(429, "TooManyRequests", 3), (401, "Unauthorized", 1)], ids=["throttled", "expired"]
)
async def test_a_busy_server_and_an_expired_token_fail_nothing(
    settings: Settings, cluster: Cluster, status: int, reason: str, times: int
) -> None:
    cluster.inject("POST", "/jobs", status, reason, times=times)
    cluster.inject("GET", "/jobs/", status, reason, times=times)
    cluster.inject("GET", "/pods", status, reason, times=times)

    experiment, trials = await run(settings)

    assert experiment.phase == Phase.SUCCEEDED
    assert [(it.state, it.attempts) for it in trials] == [(TrialState.SUCCEEDED, ())] * 2


async def test_a_pod_that_is_never_scheduled_fails_its_trial_with_the_schedulers_words(settings: Settings) -> None:
    _, trials = await run(settings, pod={"nodeSelector": NOWHERE}, template={"pendingTimeoutSeconds": 1})

    assert {(it.reason, it.failure) for it in trials} == {("PendingTimedOut", FailureClass.LAUNCH_FAILED)}
    assert trials[0].message.startswith("did not start within 1 seconds: Unschedulable: 0/3 nodes are available")


async def test_logs_that_vanished_make_metrics_unavailable_and_say_why(settings: Settings, cluster: Cluster) -> None:
    cluster.inject("GET", "/log", 404, "NotFound", 'pods "x" not found', times=10_000)

    experiment, trials = await run(settings)

    assert {it.state for it in trials} == {TrialState.METRICS_UNAVAILABLE}
    assert {it.failure for it in trials} == {FailureClass.METRICS_UNAVAILABLE}
    assert all('pods "x" not found' in it.message for it in trials)
    assert experiment.is_completed
