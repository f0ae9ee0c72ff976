"""The deployed template does an Experiment of Batch Workers from the first event to the last."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from events.envelope import encode
from infra.store.engine import make_engine
from infra.store.reader import SQLReader
from infra.store.schema import upgrade
from tests.aws.stack import UNKNOWN_TO_MOTO, Stack, deploy
from tests.aws.template import transform
from tests.builders import UID, a_created_event
from tests.services.mariadb import MariaDB
from tests.services.moto_batch import BatchServer, make_place
from tests.services.moto_sqs import patch

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("aws"), pytest.mark.timeout(900)]

NAME = "kuttab"
WAIT_SECONDS = 120.0
KNOWN_TO_MOTO = {
    "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::LayerVersion",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
}


def test_what_is_left_out_of_the_deployment_is_exactly_this() -> None:
    types = {it["Type"] for it in transform()["Resources"].values()}

    assert types == KNOWN_TO_MOTO | UNKNOWN_TO_MOTO


@pytest.fixture
def stack(
    batch_server: BatchServer,
    mariadb: MariaDB,
    environment: dict[str, str],
    build: Path,
    bootstrap: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stack]:
    """Deploy, and end every sandbox."""
    patch()
    for name, value in batch_server.environment.items():
        monkeypatch.setenv(name, value)
    found = deploy(
        batch_server,
        NAME,
        build,
        bootstrap,
        DatabaseHost="127.0.0.1",
        DatabasePort=str(mariadb.port),
        DatabaseName=environment["KUTTAB_DATABASE_URL"].rpartition("/")[2],
        DatabaseSecretArn=environment["KUTTAB_DATABASE_SECRET"],
        DatabaseCaFile="",
    )
    yield found
    found.close()


async def test_an_experiment_of_batch_workers_ends_and_poison_is_a_dead_letter(
    stack: Stack, batch_server: BatchServer, mariadb_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.perf_counter()
    engine = make_engine(mariadb_url)
    await upgrade(engine)
    reader = SQLReader(engine)
    sqs = batch_server.client("sqs")

    async with stack.at_work() as sources:
        _send(sqs, "trial-settle", "no event")
        _send(sqs, "experiment-admit", encode(_an_experiment(batch_server)).decode())
        _send(sqs, "clock-reconcile", _a_scheduled_event())
        await _until(lambda: _is_done(reader))
        await _until(lambda: _has_concluded(reader))

    experiment = await reader.experiment_of_uid(UID)
    trials = await reader.all_trials(UID)
    await engine.dispose()
    assert experiment is not None
    assert experiment.phase == "Succeeded"
    assert [trial.state for trial in trials] == ["Succeeded"] * 3
    assert all(trial.fold.is_available(experiment.objective) for trial in trials)
    ((body, reason),) = _dead_letters(sqs, "trial-settle")
    assert body == "no event"
    assert "body: not JSON" in reason
    assert [found for queue in sources if queue != "trial-settle" and (found := _dead_letters(sqs, queue))] == []
    with capsys.disabled():
        print(f"\ndeployed Experiment: {time.perf_counter() - began:.1f} s", end="")  # noqa: T201 - a figure


def _an_experiment(server: BatchServer) -> Any:
    place = make_place(server)
    command = ["sh", "-c", "echo loss=${trialParameters.x}"]
    spec = {
        "jobQueue": place.job_queue,
        "jobDefinition": place.job_definition,
        "containerOverrides": {"command": command},
    }
    template = {
        "primaryContainerName": "main",
        "trialParameters": [{"name": "x", "reference": "x"}],
        "trialSpec": {"apiVersion": "batch.amazonaws.com/v1", "kind": "Job", "spec": spec},
    }
    algorithm = {"algorithmName": "tpe", "algorithmSettings": [{"name": "n_startup_trials", "value": "1"}]}
    return a_created_event(trialTemplate=template, algorithm=algorithm, maxTrialCount=3, parallelTrialCount=2)


def _a_scheduled_event() -> str:
    return (
        '{"version": "0", "id": "tick-1", "detail-type": "Scheduled Event", "source": "aws.events", '
        '"time": "2026-03-01T12:00:00Z", "detail": {}}'
    )


def _send(sqs: Any, queue: str, body: str) -> None:
    """Publish as any program would: a queue and a body."""
    url = sqs.get_queue_url(QueueName=f"{NAME}-{queue}")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=body)


def _dead_letters(sqs: Any, queue: str) -> list[tuple[str, str]]:
    url = sqs.get_queue_url(QueueName=f"{NAME}-{queue}-dead")["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    return [(message["Body"], _reason(message)) for message in found.get("Messages", [])]


def _reason(message: Any) -> str:
    reason: str = message["MessageAttributes"]["kuttab-reason"]["StringValue"] if "MessageAttributes" in message else ""
    return reason


async def _is_done(reader: SQLReader) -> bool:
    experiment = await reader.experiment_of_uid(UID)
    return experiment is not None and experiment.is_completed and not experiment.active_count


async def _has_concluded(reader: SQLReader) -> bool:
    experiment = await reader.experiment_of_uid(UID)
    return experiment is not None and experiment.notified_completion == experiment.completion


async def _until(what: Callable[[], Any]) -> None:
    """Return when it is so."""
    until = time.monotonic() + WAIT_SECONDS
    while not await what():
        assert time.monotonic() < until, "not in time"
        await asyncio.sleep(0.1)
