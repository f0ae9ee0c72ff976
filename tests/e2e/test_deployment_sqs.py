"""A runner and a clock on SQS: the runner is killed, and nothing is lost."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from types_boto3_sqs import SQSClient

from tests.e2e.deployment import Deployment, a_digits_experiment

TRIALS = 8


@pytest.fixture
def deployment(sqs_url: str, tmp_path: Path) -> Iterator[Deployment]:
    database = f"sqlite+aiosqlite:///{tmp_path}/kuttab.db"
    deployed = Deployment(tmp_path, broker_url=sqs_url, database_url=database)
    yield deployed
    deployed.close()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_killed_runner_on_sqs_loses_nothing(
    deployment: Deployment, sqs_client: SQSClient, sqs_prefix: str, tmp_path: Path
) -> None:
    deployment.kuttab("db", "upgrade")
    victim = deployment.start("runner", "--slots", "3", "--host", "a", name="runner")
    deployment.start("clock", name="clock")
    deployment.wait(lambda: "is at work" in deployment.log("runner"), seconds=60, why="the runner starts")
    deployment.kuttab("submit", str(a_digits_experiment(tmp_path, trials=TRIALS)))
    starts = tmp_path / "starts"
    deployment.wait(lambda: starts.exists() and "\n" in starts.read_text(), seconds=60, why="a Worker starts")

    victim.kill()
    victim.wait()
    deployment.start("runner", "--slots", "3", "--host", "a", name="runner")

    deployment.wait(lambda: deployment.has_ended("digits"), seconds=240, why="the Experiment ends")
    status = deployment.experiment("digits")["status"]
    begun = Counter(starts.read_text().splitlines())
    assert (status["trials"], status["trialsSucceeded"]) == (TRIALS, TRIALS)
    assert max(begun.values()) == 1, f"an attempt was run twice: {begun}"
    assert _dead_letters(sqs_client, sqs_prefix) == []


@pytest.mark.slow
def test_what_a_second_terminal_says_is_done_over_sqs(deployment: Deployment, tmp_path: Path) -> None:
    deployment.kuttab("db", "upgrade")
    deployment.start("runner", "--slots", "1", "--host", "a", name="runner")
    deployment.start("clock", name="clock")
    deployment.wait(lambda: "is at work" in deployment.log("runner"), seconds=60, why="the runner starts")
    deployment.kuttab("submit", str(a_digits_experiment(tmp_path, trials=1_000)))
    deployment.wait((tmp_path / "starts").exists, seconds=60, why="a Worker starts")

    deployment.kuttab("stop", "experiment", "digits")

    assert deployment.has_ended("digits")
    assert "digits" in deployment.kuttab("get", "experiments")
    deployment.kuttab("delete", "experiment", "digits")
    assert "digits" not in deployment.kuttab("get", "experiments")


@pytest.mark.slow
def test_queues_that_nobody_made_are_named_in_one_line(deployment: Deployment, sqs_url: str, sqs_prefix: str) -> None:
    deployment.kuttab("db", "upgrade")

    said = deployment.refusal("runner", "--broker", sqs_url.replace("&declare=true", ""))

    assert said.count("\n") == 1
    assert f"no queue {sqs_prefix}clock-reconcile, {sqs_prefix}clock-reconcile-dead, " in said
    assert "&declare=true" in said


def _dead_letters(client: SQSClient, prefix: str) -> list[str]:
    """Return what lies in dead-letter queues."""
    urls = client.list_queues(QueueNamePrefix=prefix)["QueueUrls"]
    answers = [client.receive_message(QueueUrl=url) for url in urls if url.endswith("-dead")]
    return [message["Body"] for answer in answers for message in answer.get("Messages", [])]
