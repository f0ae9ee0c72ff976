"""What is applied to a cluster: valid to the field, with no more rights than are used, and complete settings."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from kubernetes_validate import validate

from infra.settings import Settings
from local_runner.cli.main import cli
from tests.services.kubectl import find_kubectl

DEPLOY = Path("infra/deploy/kubernetes")
OVERLAYS = ["complete", "external"]
FILES = [path for path in sorted(DEPLOY.rglob("*.yaml")) if path.name != "kustomization.yaml"]


def objects_in(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text()))


def containers() -> Iterator[Any]:
    for path in (DEPLOY / "base").glob("*.yaml"):
        for it in objects_in(path):
            if it["kind"] == "Deployment":
                pod = it["spec"]["template"]["spec"]
                yield from (*pod["containers"], *pod.get("initContainers", []))


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_file_is_valid_to_the_field(path: Path) -> None:
    for manifest in objects_in(path):
        validate(manifest, desired_version="1.32", strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_kustomization_names_files_that_are_there(overlay: str) -> None:
    directory = DEPLOY / "overlays" / overlay
    found: Any = yaml.safe_load((directory / "kustomization.yaml").read_text())

    named = [*found["resources"], *(name for it in found["secretGenerator"] for name in it["envs"])]
    assert [name for name in named if not (directory / name).exists()] == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_kustomize_builds_is_valid_and_collectors_run_in_the_runners_image(overlay: str) -> None:
    command = [find_kubectl(), "kustomize", str(DEPLOY / "overlays" / overlay)]
    built = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    manifests = list(yaml.safe_load_all(built))
    for manifest in manifests:
        validate(manifest, desired_version="1.32", strict=True)
    runner = next(it for it in manifests if (it["kind"], it["metadata"]["name"]) == ("Deployment", "kuttab-runner"))
    container = runner["spec"]["template"]["spec"]["containers"][0]
    image = next(it["value"] for it in container["env"] if it["name"] == "KUTTAB_IMAGE")
    assert image == container["image"] == "registry.example.com/kuttab:0.1.0"


@pytest.mark.parametrize("container", list(containers()), ids=lambda it: " ".join(it["args"]))
def test_every_command_exists_and_every_container_is_confined(container: Any) -> None:
    done = CliRunner().invoke(cli, [*container["args"], "--help"])

    security = container["securityContext"]
    assert done.exit_code == 0, done.output
    assert (security["readOnlyRootFilesystem"], security["allowPrivilegeEscalation"]) == (True, False)
    assert security["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_secret_holds_settings_that_can_be_read(overlay: str) -> None:
    lines = (DEPLOY / "overlays" / overlay / "kuttab.env").read_text().splitlines()

    settings = Settings.load(dict(line.split("=", 1) for line in lines))

    assert settings.broker
    assert settings.database
    assert settings.secret
    assert settings.api_token


def test_the_role_allows_what_the_target_does_and_no_more() -> None:
    role = next(it for it in objects_in(DEPLOY / "base" / "rbac.yaml") if it["kind"] == "Role")

    rules = {name: rule["verbs"] for rule in role["rules"] for name in rule["resources"]}
    assert rules.pop("pods") == ["get", "list"]
    assert rules.pop("pods/log") == ["get"]
    assert set(map(tuple, rules.values())) == {("create", "get", "list", "watch", "delete")}
    assert not any("*" in rule["resources"] + rule["apiGroups"] for rule in role["rules"])
