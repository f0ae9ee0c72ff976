"""A private RabbitMQ and a private MariaDB for a module's tests, and a deployment on them for each test."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.deployment import Deployment
from tests.services.mariadb import MariaDB
from tests.services.rabbitmq import RabbitMQServer

Servers = tuple[RabbitMQServer, MariaDB]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with ExitStack() as stack:
        rabbitmq = RabbitMQServer.install(tmp_path_factory.mktemp("rabbitmq"))
        stack.callback(rabbitmq.close)
        mariadb = MariaDB()
        stack.callback(mariadb.remove)
        rabbitmq.start()
        mariadb.start()
        yield rabbitmq, mariadb


@pytest.fixture
def deployment(servers: Servers, tmp_path: Path) -> Iterator[Deployment]:
    rabbitmq, mariadb = servers
    with mariadb.database() as url:
        deployed = Deployment(tmp_path, broker_url=rabbitmq.url, database_url=url)
        yield deployed
        deployed.close()
