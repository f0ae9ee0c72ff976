"""Fixtures of the servers, and what holds for every test that asks for one."""

import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.services.install import ServiceMissingError
from tests.services.rabbitmq import RabbitMQServer

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

    from tests.services.kubernetes import Cluster
    from tests.services.moto_batch import BatchPlace, BatchServer
    from tests.services.moto_sqs import MotoServer

SERVERS = {"mariadb", "batch_server", "moto_server", "rabbitmq"}
"""Fixtures that start a server."""
IS_OFF = os.environ.get("KUTTAB_TEST_SERVICES") == "off"
TEST_SECONDS = 120


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests with servers out when that was asked for.

    Their time limit leaves out the fixtures: the first may have to install and to start a server, and each process of
    a parallel run starts its own.
    """
    with_servers = [item for item in items if SERVERS & set(getattr(item, "fixturenames", ()))]
    if IS_OFF:
        config.hook.pytest_deselected(items=with_servers)
        items[:] = [item for item in items if item not in with_servers]
        return
    for item in with_servers:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS, func_only=True))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    if IS_OFF:
        terminalreporter.write_line("KUTTAB_TEST_SERVICES=off: tests with real servers are left out")


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQServer]:
    """Start this process's RabbitMQ."""
    try:
        server = RabbitMQServer.install(tmp_path_factory.mktemp("rabbitmq"))
    except ServiceMissingError as error:
        pytest.fail(str(error), pytrace=False)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def rabbitmq_url(rabbitmq: RabbitMQServer) -> str:
    """Name an empty virtual host of it."""
    return rabbitmq.fresh_url()


@pytest.fixture(scope="session")
def batch_server() -> "Iterator[BatchServer]":
    """Start this process's AWS Batch."""
    from tests.services.moto_batch import run_batch_server

    with run_batch_server() as server:
        yield server


@pytest.fixture
def batch_place(batch_server: "BatchServer") -> "BatchPlace":
    """Make a queue and a job definition that no other test has; their jobs run as processes."""
    from tests.services.moto_batch import make_place

    return make_place(batch_server)


@pytest.fixture(scope="session")
def moto_server() -> "Iterator[MotoServer]":
    """Start this process's moto."""
    from tests.services.moto_sqs import MotoServer

    server = MotoServer()
    yield server
    server.stop()


@pytest.fixture
def aws(moto_server: "MotoServer", monkeypatch: pytest.MonkeyPatch) -> str:
    """Name moto's endpoint, and let programs of this test have credentials for it."""
    from tests.services.moto_sqs import CREDENTIALS

    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return moto_server.endpoint


@pytest.fixture
def sqs_prefix() -> str:
    """Name queues that no other test has."""
    return f"test-{uuid.uuid4().hex[:8]}-"


@pytest.fixture
def sqs_url(aws: str, sqs_prefix: str) -> str:
    """Name queues of moto's that are made when they are needed; short polls let consumers close soon."""
    return f"sqs://?region=us-east-1&prefix={sqs_prefix}&endpoint={aws}&declare=true&wait=1"


@pytest.fixture
def sqs_client(aws: str) -> "SQSClient":
    """Return a bare client."""
    import boto3

    return boto3.client("sqs", endpoint_url=aws)


@pytest.fixture
def cluster() -> "Iterator[Cluster]":
    """Start a Kubernetes cluster whose pods are processes."""
    from tests.services.kubernetes import run_cluster

    with run_cluster() as running:
        yield running
