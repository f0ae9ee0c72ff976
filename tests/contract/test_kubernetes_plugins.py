"""Exec plugins of a kubeconfig: which versions, what they are told, how often they run, and what they may do wrong."""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lightkube import KubeConfig

from functions.errors import Retry
from infra.target.kubernetes import KubernetesTarget
from infra.target.kubernetes_calls import KubernetesCalls
from infra.target.kubernetes_config import client_of
from tests.contract.kubernetes_rig import a_worker, sh
from tests.services.kubernetes import Cluster

pytestmark = pytest.mark.slow
V1 = "client.authentication.k8s.io/v1"
PLUGIN = """
import json, os, sys
with open(os.environ["HEARD"], "a") as file:
    file.write(os.environ["KUBERNETES_EXEC_INFO"] + "\\n")
asked = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
nth = len(open(os.environ["HEARD"]).readlines())
status = {"token": sys.argv[1] if nth == 1 else sys.argv[2], **json.loads(sys.argv[3])}
print(json.dumps({"apiVersion": asked["apiVersion"], "kind": "ExecCredential", "status": status}))
"""


def calls_of(cluster: Cluster, folder: Path, plugin: dict[str, Any]) -> KubernetesCalls:
    """Return calls by a kubeconfig with this plugin."""
    config: Any = json.loads(cluster.kubeconfig(folder).read_text())
    config["users"] = [{"name": "tester", "user": {"exec": {"interactiveMode": "IfAvailable", **plugin}}}]
    path = folder / "with-plugin"
    path.write_text(json.dumps(config))

    def open_client() -> httpx2.AsyncClient:
        found = KubeConfig.from_file(path).get()
        assert found is not None
        return client_of(found)

    return KubernetesCalls(open_client)


def a_plugin(folder: Path, *tokens: str, version: str = V1, **status: str) -> dict[str, Any]:
    first, second = (*tokens, tokens[-1])[:2]
    heard = {"name": "HEARD", "value": str(folder / "heard")}
    arguments = ["-c", PLUGIN, first, second, json.dumps(status)]
    return {"apiVersion": version, "command": sys.executable, "args": arguments, "env": [heard]}


def heard(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / "heard").read_text().splitlines()]


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha1"])
async def test_a_plugin_of_each_version_is_told_what_to_answer(cluster: Cluster, tmp_path: Path, version: str) -> None:
    cluster.do(lambda api: setattr(api, "token", "good"))
    plugin = a_plugin(tmp_path, "good", version=f"client.authentication.k8s.io/{version}")
    calls = calls_of(cluster, tmp_path, plugin)

    assert await KubernetesTarget(calls).launch(a_worker(sh("true")))

    (told,) = heard(tmp_path)
    assert told["apiVersion"].endswith(f"/{version}")
    assert told["spec"] == {"interactive": False, "cluster": {"server": cluster.url}}
    await calls.close()


async def test_calls_side_by_side_share_one_run_and_its_token(cluster: Cluster, tmp_path: Path) -> None:
    cluster.do(lambda api: setattr(api, "token", "good"))
    calls = calls_of(cluster, tmp_path, a_plugin(tmp_path, "good"))

    target = KubernetesTarget(calls)
    await asyncio.gather(*(target.launch(a_worker(sh("true"))) for _ in range(8)))

    assert len(heard(tmp_path)) == 1
    await calls.close()


async def test_a_token_that_is_refused_is_asked_for_anew(cluster: Cluster, tmp_path: Path) -> None:
    cluster.do(lambda api: setattr(api, "token", "fresh"))
    calls = calls_of(cluster, tmp_path, a_plugin(tmp_path, "stale", "fresh"))

    assert await KubernetesTarget(calls).launch(a_worker(sh("true")))

    assert len(heard(tmp_path)) == 2
    await calls.close()


async def test_a_token_that_has_expired_is_not_tried(cluster: Cluster, tmp_path: Path) -> None:
    cluster.do(lambda api: setattr(api, "token", "good"))
    past = datetime.now(UTC) - timedelta(seconds=1)
    calls = calls_of(cluster, tmp_path, a_plugin(tmp_path, "good", expirationTimestamp=f"{past:%Y-%m-%dT%H:%M:%SZ}"))

    assert await KubernetesTarget(calls).launch(a_worker(sh("true")))

    assert len(heard(tmp_path)) == 2, "discovery and creation each ask"
    await calls.close()


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        ({"command": "sh", "args": ["-c", "echo log in again >&2; exit 3"]}, "sh ended with 3: log in again"),
        ({"command": "sh", "args": ["-c", "echo hello"]}, "sh did not print an ExecCredential"),
        ({"command": "sh", "args": ["-c", """echo '{"status": {}}'"""]}, "sh gave no token"),
        ({"command": "no-such-plugin"}, "no-such-plugin"),
        ({"command": "sh", "apiVersion": "client.authentication.k8s.io/v9"}, r"k8s.io/v9 are not known"),
    ],
    ids=["failed", "chatter", "no token", "missing", "future"],
)
async def test_a_plugin_that_gives_nothing_is_named_and_waited_for(
    cluster: Cluster, tmp_path: Path, plugin: dict[str, Any], words: str
) -> None:
    calls = calls_of(cluster, tmp_path, {"apiVersion": V1, **plugin})

    with pytest.raises(Retry, match="does not accept our credentials") as waiting:
        await KubernetesTarget(calls).launch(a_worker(sh("true")))

    assert words in str(waiting.value)
    await calls.close()
