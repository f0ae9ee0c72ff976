"""The deployed template does an Experiment of Batch Workers from the first event to the last."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from events.envelope import encode
from events.experiment import ExperimentStopRequested
from events.reference import ExperimentRef
from infra.broker.port import DELIVERY_LIMIT, Delivery
from infra.broker.sqs_source import SQSEventSource
from infra.runtime import Runtime
from infra.store.engine import SQLStores, make_engine
from infra.store.reader import SQLReader
from infra.store.schema import upgrade
from infra.wiring import Wiring
from tests.aws.api import EXPERIMENTS, TOKEN
from tests.aws.calls import Call, recorded_calls, refused
from tests.aws.stack import Stack, deploy, fit_to_moto
from tests.aws.template import of_type, transform
from tests.builders import UID, a_created_event
from tests.fakes import FakeBroker
from tests.services.mariadb import MariaDB
from tests.services.moto_batch import BatchServer, make_place
from tests.services.moto_sqs import patch

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("aws"), pytest.mark.timeout(900)]

WAIT_SECONDS = 120.0
KNOWN_TO_MOTO = {
    "AWS::EC2::SecurityGroupIngress",
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
BROKEN = "uid-broken"
DEAD = "-dead"
NO_JSON = "body: not JSON"


def test_what_is_left_out_of_the_deployment_is_exactly_this() -> None:
    resources = transform()["Resources"]
    sources = {f"{name}.Enabled" for name in of_type(resources, "AWS::Lambda::EventSourceMapping")}
    alarms = set(of_type(resources, "AWS::CloudWatch::Alarm"))
    proxy = {"DatabaseProxy", "DatabaseProxyTargets"}
    api = {"HttpApi", "ApiAuthorizer", "ApiEventsRoute", "ApiIntegration", "ApiPermission", "ApiRoute", "ApiStage"}
    rules = {"ClockRule", "RulePolicy", "BatchJobRule.EventPattern.detail.container"}

    left_out = fit_to_moto(resources)

    assert left_out == sources | alarms | proxy | api | rules
    assert {it["Type"] for it in resources.values()} == KNOWN_TO_MOTO


@dataclass(frozen=True, slots=True)
class Queues:
    """A stack's queues, as any program sees them."""

    sqs: Any
    stack: str

    def send(self, queue: str, body: str) -> None:
        """Publish."""
        self.sqs.send_message(QueueUrl=self._url(queue), MessageBody=body)

    def count(self, queue: str) -> int:
        """Return how many messages wait."""
        name = "ApproximateNumberOfMessages"
        return int(self.sqs.get_queue_attributes(QueueUrl=self._url(queue), AttributeNames=[name])["Attributes"][name])

    def dead_letters(self, queue: str) -> list[tuple[str, str]]:
        """Return the dead letters, each with the beginning of its reason."""
        found = self.sqs.receive_message(
            QueueUrl=self._url(f"{queue}{DEAD}"), MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return [(message["Body"], _reason(message)) for message in found.get("Messages", [])]

    def _url(self, queue: str) -> str:
        url: str = self.sqs.get_queue_url(QueueName=f"{self.stack}-{queue}")["QueueUrl"]
        return url


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
        f"kuttab-{uuid4().hex[:8]}",
        build,
        bootstrap,
        DatabaseHost="127.0.0.1",
        DatabasePort=str(mariadb.port),
        DatabaseName=environment["KUTTAB_DATABASE_URL"].rpartition("/")[2],
        DatabaseSecretArn=environment["KUTTAB_DATABASE_SECRET"],
        DatabaseCaFile="",
        AlarmEmail="somebody@example.org",
        BatchJobQueue="arn:aws:batch:us-east-1:123456789012:job-queue/*",
        BatchJobDefinition="arn:aws:batch:us-east-1:123456789012:job-definition/*",
        CopyEvents="yes",
        Api="token",
        ApiToken=TOKEN,
    )
    yield found
    found.close()


async def test_an_experiment_of_batch_workers_ends_and_poison_is_a_dead_letter(
    stack: Stack, batch_server: BatchServer, mariadb_url: str, figure: Callable[[str], None]
) -> None:
    began = time.perf_counter()
    engine = make_engine(mariadb_url)
    await upgrade(engine)
    await _break_an_experiment(engine)
    reader = SQLReader(engine)
    queues = Queues(batch_server.client("sqs"), stack.name)
    crash = encode(ExperimentStopRequested(experiment=ExperimentRef(name="broken", uid=BROKEN))).decode()

    with recorded_calls(stack.resources) as calls:
        sources = await _drive(stack, queues, reader, crash, encode(_an_experiment(batch_server)).decode())

    await _assert_that_all_succeeded(reader)
    await engine.dispose()
    assert sources["experiment-stop"].counts["left"] == DELIVERY_LIMIT
    found = {queue: letters for queue in sources if (letters := queues.dead_letters(queue))}
    assert found == {"trial-settle": [("no event", NO_JSON)], "experiment-stop": [(crash, "")]}
    _assert_that_roles_allow(calls, stack)
    figure(f"deployed Experiment: {time.perf_counter() - began:.1f} s")


async def _drive(
    stack: Stack, queues: Queues, reader: SQLReader, crash: str, created: str
) -> Mapping[str, SQSEventSource]:
    """Publish everything at once, and return when the Experiment is done and the crashing event is a dead letter."""
    async with stack.at_work() as sources:
        queues.send("trial-settle", "no event")
        queues.send("experiment-stop", crash)
        assert (await asyncio.to_thread(stack.ask, "POST", "/events", created))["statusCode"] == 202
        queues.send("clock-reconcile", _a_scheduled_event())
        await _until(lambda: _is_done(reader))
        await _until(lambda: _has_concluded(reader))
        await _until(lambda: _has(queues, f"experiment-stop{DEAD}"))
        found = json.loads((await asyncio.to_thread(stack.ask, "GET", f"{EXPERIMENTS}/digits"))["body"])
        assert found["status"]["trialsSucceeded"] == 3
        return sources


def _assert_that_roles_allow(calls: Mapping[str, set[Call]], stack: Stack) -> None:
    """Compare what each function has called, and on what, with what its deployed role lets it."""
    actions = {function: {it.action for it in made} for function, made in calls.items()}
    assert {"batch:submitjob", "batch:listjobs"} <= actions["TrialLaunchFunction"]
    assert {"batch:describejobs", "logs:getlogevents"} <= actions["TrialWatchFunction"]
    assert "sqs:changemessagevisibility" in actions["ExperimentStopFunction"]
    assert "sns:publish" in actions["ExperimentAdmitFunction"]
    assert "sqs:sendmessage" in actions["ApiFunction"]
    wrong = {it: refused(stack.statements_of(it), made) for it, made in calls.items()}
    assert {function: missing for function, missing in wrong.items() if missing} == {}


async def _assert_that_all_succeeded(reader: SQLReader) -> None:
    experiment = await reader.experiment_of_uid(UID)
    trials = await reader.all_trials(UID)
    assert experiment is not None
    assert experiment.phase == "Succeeded"
    assert [trial.state for trial in trials] == ["Succeeded"] * 3
    assert all(trial.fold.is_available(experiment.objective) for trial in trials)


async def _break_an_experiment(engine: AsyncEngine) -> None:
    """Make a row that no handler can read: each handling of an event of it raises what nobody foresaw."""
    created = a_created_event(BROKEN, name="broken", kind="External")
    runtime = Runtime(Wiring(SQLStores(engine)), FakeBroker())
    await runtime.process([Delivery("experiment-admit", encode(created))])
    async with engine.begin() as connection:
        done = await connection.execute(
            text("UPDATE experiments SET spec = '', due_at = NULL WHERE uid = :uid"), {"uid": BROKEN}
        )
        assert done.rowcount == 1


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
    return a_created_event(trialTemplate=template, algorithm=algorithm, maxTrialCount=3, parallelTrialCount=3)


def _a_scheduled_event() -> str:
    return (
        '{"version": "0", "id": "tick-1", "detail-type": "Scheduled Event", "source": "aws.events", '
        '"time": "2026-03-01T12:00:00Z", "detail": {}}'
    )


def _reason(message: Any) -> str:
    reason: str = message["MessageAttributes"]["kuttab-reason"]["StringValue"] if "MessageAttributes" in message else ""
    return ": ".join(reason.split(": ")[:2])


async def _has(queues: Queues, queue: str) -> bool:
    return await asyncio.to_thread(queues.count, queue) > 0


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
