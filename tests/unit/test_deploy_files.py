"""The files for Docker say what the checkout has: no engine runs here, so they are held to what can be read."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from compose_spec import PyOptions

from infra.settings import Settings
from local_runner.cli.main import cli

DEPLOY = Path("infra/deploy")
DOCKERFILE = (DEPLOY / "Dockerfile").read_text().splitlines()
COPIED = [
    word
    for line in DOCKERFILE
    if line.startswith("COPY ") and "--from" not in line
    for word in line.removeprefix("COPY ").split()[:-1]
]
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


@pytest.mark.parametrize("service", OURS)
def test_our_services_cannot_write_to_their_image_nor_become_root(service: str) -> None:
    found = COMPOSE["services"][service]

    assert (found["read_only"], found["cap_drop"]) == (True, ["ALL"])
    assert found["security_opt"] == ["no-new-privileges:true"]
    written = [*found["tmpfs"], *found.get("volumes", [])]
    assert any("/tmp" in path for path in written)
    assert any("/var/lib/kuttab" in path for path in written)


def test_the_compose_file_keeps_the_compose_specification() -> None:
    reader = PyOptions(apply_merge=True)
    text = (DEPLOY / "compose.yaml").read_text()

    reader.from_yaml(text).validate()

    with pytest.raises(ValueError, match="stop_graze"):
        reader.from_yaml(text.replace("stop_grace_period", "stop_graze"))


def test_the_dockerfile_linter_finds_nothing() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)

    assert (done.stdout, done.returncode) == ("", 0)


def test_the_image_copies_what_there_is_and_runs_as_nobody_special() -> None:
    assert COPIED
    assert [path for path in COPIED if not Path(path).exists()] == []
    assert "USER 1000:1000" in DOCKERFILE


@pytest.mark.slow
def test_what_the_image_copies_is_enough_for_the_command(tmp_path: Path) -> None:
    for path in (Path(it) for it in COPIED):
        if path.is_dir():
            shutil.copytree(path, tmp_path / path, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    database = f"sqlite+aiosqlite:///{tmp_path / 'kuttab.db'}"
    command = [sys.executable, "-m", "local_runner", "db", "upgrade", "--database", database]

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_what_is_waited_for_can_become_healthy() -> None:
    waits = [it for service in COMPOSE["services"].values() for it in service.get("depends_on", {}).items()]

    healthy = {name for name, how in waits if how["condition"] == "service_healthy"}
    assert healthy == {"rabbitmq", "mysql"}
    assert all("healthcheck" in COMPOSE["services"][name] for name in healthy)
