"""Clients of every kind against SQS: what they publish arrives in its queue and is understood."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events.client import PublishError, publish, publish_all
from events.envelope import Event, decode
from events.experiment import ExperimentCreated
from functions.catalog import queue_of
from infra.broker.sqs import SQSBroker
from infra.broker.unwrap import unwrap
from tests.builders import a_launch_request, a_trial, an_edit, an_experiment
from tests.integration.test_publish_clients import EXAMPLES, PATIENCE_SECONDS, of_clients, run
from tests.services.awscli import aws_directory


@pytest.fixture
async def broker(sqs_url: str) -> AsyncIterator[SQSBroker]:
    """Open a broker with the queues that clients publish to."""
    opened = await SQSBroker.connect(sqs_url, {queue_of(event) for event in of_clients()})
    yield opened
    await opened.close()


async def _take(broker: SQSBroker, queue: str) -> Event:
    """Take one message as a function would."""
    consumer = await broker.consume(queue, prefetch=1)
    async with asyncio.timeout(PATIENCE_SECONDS):
        (delivery,) = await consumer.receive(1)
    await broker.ack([delivery])
    return decode(unwrap(delivery.body))


async def _refusal(url: str, event: Event) -> str:
    with pytest.raises(PublishError) as refused:
        await asyncio.to_thread(publish, url, event, patience_seconds=0.2)
    assert "\n" not in str(refused.value)
    return str(refused.value)


async def test_what_the_sdk_publishes_arrives_where_a_runner_reads_it(sqs_url: str, broker: SQSBroker) -> None:
    events = of_clients()

    await asyncio.to_thread(publish_all, sqs_url, events)

    assert [await _take(broker, queue_of(event)) for event in events] == events


async def test_with_the_accounts_id_no_queue_is_looked_up(sqs_url: str, broker: SQSBroker) -> None:
    await asyncio.to_thread(publish, f"{sqs_url}&account=123456789012", an_edit())
    said = await _refusal(f"{sqs_url}&account=123456789012&prefix=other-", an_edit())

    assert await _take(broker, "experiment-edit") == an_edit()
    assert "no queue other-experiment-edit" in said


async def test_the_largest_event_of_odd_characters_comes_through(sqs_url: str, broker: SQSBroker) -> None:
    event = an_edit(extensions={"padding": "\uffff é " * 30_000})

    await asyncio.to_thread(publish, sqs_url, event)

    assert await _take(broker, "experiment-edit") == event


async def test_what_cannot_be_published_is_one_line(sqs_url: str, sqs_prefix: str, broker: SQSBroker) -> None:
    of_functions = a_launch_request(a_trial(an_experiment()))
    absent = sqs_url.replace(sqs_prefix, "absent-")

    assert "no queue takes kuttab.trial.created.v1 from a client" in await _refusal(sqs_url, of_functions)
    assert "no queue absent-experiment-edit: deploy the template" in await _refusal(absent, an_edit())
    assert "Could not connect" in await _refusal("sqs://?region=eu-west-1&endpoint=http://127.0.0.1:1", an_edit())


async def test_a_publisher_without_credentials_is_told_so(
    sqs_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    assert "no AWS credentials: set AWS_PROFILE" in await _refusal(sqs_url, an_edit())


@pytest.fixture
def endpoint(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let AWS's own settings name moto."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize("name", ["with_boto3", "with_kombu_sqs"])
async def test_an_example_submits_an_experiment_to_sqs(broker: SQSBroker, sqs_prefix: str, name: str) -> None:
    printed = await run(sys.executable, "-m", f"examples.publish.{name}", sqs_prefix, EXAMPLES / "experiment.json")

    await _expect_submitted(broker, printed)


@pytest.mark.slow
async def test_the_aws_cli_submits_an_experiment(
    broker: SQSBroker, aws: str, sqs_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(await asyncio.to_thread(aws_directory)), prepend=":")
    program, file = EXAMPLES / "with_aws_cli.sh", EXAMPLES / "experiment.json"

    printed = await run(program, sqs_prefix, "parabola", file, "--endpoint-url", aws)

    await _expect_submitted(broker, printed)


@pytest.mark.slow
@pytest.mark.usefixtures("endpoint")
async def test_nodes_sdk_of_aws_submits_an_experiment(broker: SQSBroker, sqs_prefix: str, tmp_path: Path) -> None:
    if missing := [name for name in ("node", "npm") if shutil.which(name) is None]:
        advice = "install Node 20 or newer with npm, or leave these tests out with KUTTAB_TEST_SERVICES=off"
        pytest.fail(f"{' and '.join(missing)} not found: {advice}", pytrace=False)
    for name in ("package.json", "package-lock.json", "publish.mjs"):
        shutil.copy(EXAMPLES / "with_node_sqs" / name, tmp_path)
    await run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=tmp_path)

    printed = await run("node", tmp_path / "publish.mjs", sqs_prefix, EXAMPLES / "experiment.json")

    await _expect_submitted(broker, printed)


async def _expect_submitted(broker: SQSBroker, printed: str) -> None:
    event = await _take(broker, "experiment-admit")
    assert isinstance(event, ExperimentCreated)
    assert event.experiment.name == event.resource["metadata"]["name"] == "parabola"
    assert printed.endswith(f"published {event.type} {event.id}\n")  # after what Node's SDK says about Node's age
