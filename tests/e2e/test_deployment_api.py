"""Two API servers of one deployment on a real RabbitMQ and a real MariaDB: what one writes the other shows."""

import json
import socket
import sys
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.builders import an_experiment_manifest
from tests.e2e.deployment import Deployment
from tests.integration.test_push import BEGIN, PUSH

TOKEN = "the token of the API"
BASE = "/apis/kubeflow.org/v1beta1/namespaces/default"
_SECONDS = 200


class Api:
    """A client of one server, with the token."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, method: str, path: str, body: Any = None, *, token: str = TOKEN) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/merge-patch+json"}
        content = None if body is None else json.dumps(body).encode()
        try:
            with urlopen(Request(self.url + path, content, headers, method=method)) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            with error:
                return error.code, json.load(error)

    def get(self, path: str) -> Any:
        status, found = self.ask("GET", f"{BASE}/{path}")
        assert status == 200, found
        return found

    def watch(self, query: str) -> Iterator[Any]:
        path = f"{BASE}/experiments?watch=true&timeoutSeconds={_SECONDS}&{query}"
        with urlopen(Request(self.url + path, headers={"Authorization": f"Bearer {TOKEN}"})) as lines:
            for line in lines:
                yield json.loads(line)

    def is_up(self) -> bool:
        try:
            with urlopen(f"{self.url}/readyz") as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.fixture
def apis(deployment: Deployment) -> tuple[Api, Api]:
    """Start two servers, a runner and a clock; Workers push to the first server."""
    ports = [free_port(), free_port()]
    first, second = map(Api, ports)
    deployment.set(KUTTAB_API_TOKEN=TOKEN, KUTTAB_SECRET="a secret", KUTTAB_PUSH_BROKER_URL=first.url)
    deployment.kuttab("db", "upgrade")
    for index, port in enumerate(ports):
        deployment.start("serve", "--port", str(port), name=f"serve-{index}")
    deployment.start("runner", "--slots", "2", name="runner")
    deployment.start("clock", name="clock")
    deployment.wait(lambda: first.is_up() and second.is_up(), seconds=_SECONDS, why="the servers start")
    return first, second


def a_pushing_experiment(name: str, **spec: Any) -> Any:
    command = [sys.executable, "-c", f"{BEGIN}report_metrics({{'loss': float(sys.argv[1])}})", "${trialParameters.x}"]
    template = {
        "trialParameters": [{"name": "x", "reference": "x"}],
        "trialSpec": {"apiVersion": "kuttab.dev/v1", "kind": "Process", "spec": {"command": command}},
    }
    return an_experiment_manifest(name=name, trialTemplate=template, **PUSH, **spec)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_one_server_writes_the_other_shows_to_the_end(apis: tuple[Api, Api]) -> None:
    first, second = apis
    version = second.get("experiments")["metadata"]["resourceVersion"]
    status, created = first.ask("POST", f"{BASE}/experiments", a_pushing_experiment("digits", maxTrialCount=2))
    assert status == 201, created

    edited, _ = second.ask("PATCH", f"{BASE}/experiments/digits", {"spec": {"maxTrialCount": 3}})
    seen = []
    for event in second.watch(f"resourceVersion={version}"):
        seen.append((event["type"], event["object"]["status"]["conditions"][-1]["type"]))
        if seen[-1][1] in {"Succeeded", "Failed"}:
            break

    assert edited == 200
    assert (seen[0][0], seen[-1]) == ("ADDED", ("MODIFIED", "Succeeded"))
    found = first.get("experiments/digits")["status"]
    assert (found["trials"], found["trialsSucceeded"]) == (3, 3)
    best = found["currentOptimalTrial"]
    assert best["observation"]["metrics"][0]["latest"] == best["parameterAssignments"][0]["value"]
    assert first.ask("DELETE", f"{BASE}/experiments/digits")[0] == 200
    assert second.ask("GET", f"{BASE}/experiments/digits")[0] == 404
    assert first.ask("GET", f"{BASE}/experiments", token="wrong")[0] == 401
