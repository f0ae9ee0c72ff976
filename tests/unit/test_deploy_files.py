"""The files for Docker say what the checkout has: no engine runs here, so they are held to what can be read."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from infra.settings import Settings
from local_runner.cli.main import cli

DEPLOY = Path("infra/deploy")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = [name for name, service in COMPOSE["services"].items() if service["image"] == "kuttab"]


@pytest.mark.parametrize("service", OURS)
def test_every_command_of_the_compose_file_exists(service: str) -> None:
    done = CliRunner().invoke(cli, [*COMPOSE["services"][service]["command"], "--help"])

    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("service", OURS)
def test_every_service_of_ours_finds_broker_and_database(service: str) -> None:
    settings = Settings.load(COMPOSE["services"][service]["environment"])

    assert settings.broker.startswith("amqp://kuttab:kuttab@rabbitmq:")
    assert settings.database.startswith("mysql+aiomysql://kuttab:kuttab@mysql:")


@pytest.mark.parametrize("service", COMPOSE["services"])
def test_ports_are_open_on_loopback_only(service: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in COMPOSE["services"][service].get("ports", []))


def test_the_image_copies_what_there_is() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]

    assert copied
    assert [path for path in copied if not Path(path).exists()] == []


def test_what_is_waited_for_can_become_healthy() -> None:
    waits = [it for service in COMPOSE["services"].values() for it in service.get("depends_on", {}).items()]

    healthy = {name for name, how in waits if how["condition"] == "service_healthy"}
    assert healthy == {"rabbitmq", "mysql"}
    assert all("healthcheck" in COMPOSE["services"][name] for name in healthy)
