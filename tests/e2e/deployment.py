"""A deployment on this machine: private servers, runner and clock processes, and the command that talks to them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.services.rabbitmq import RabbitMQServer

ROOT = Path(__file__).resolve().parents[2]
POLL_SECONDS = 0.2
STOP_SECONDS = 30


class Deployment:
    """Every process that it starts is ended by `close`, by its own id."""

    def __init__(self, directory: Path, *, broker_url: str, database_url: str) -> None:
        self.directory = directory
        self.database_url = database_url
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "KUTTAB_BROKER_URL": broker_url,
            "KUTTAB_DATABASE_URL": database_url,
        }
        self._processes: list[subprocess.Popen[bytes]] = []

    def set(self, **variables: str) -> None:
        """Set variables for every process that is started from now on."""
        self._environment |= variables

    def kuttab(self, *arguments: str) -> str:
        """Run a command to its end and return what it prints."""
        done = self._run(*arguments)
        assert done.returncode == 0, f"kuttab {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def refusal(self, *arguments: str) -> str:
        """Run a command that must fail and return its last words."""
        done = self._run(*arguments)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = self._command(*arguments)
        return subprocess.run(
            command, env=self._environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )

    def start(self, *arguments: str, name: str) -> subprocess.Popen[bytes]:
        """Start a long-lived process with a directory and a log of its own; its Workers see its name in STARTED_BY."""
        with (self.directory / f"{name}.log").open("ab") as log:
            command = self._command(*arguments, "--dir", str(self.directory / name))
            environment = {**self._environment, "STARTED_BY": name}
            process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
        self._processes.append(process)
        return process

    @staticmethod
    def _command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "local_runner", *arguments]

    def log(self, name: str) -> str:
        """Return what a process has logged."""
        return (self.directory / f"{name}.log").read_text()

    def experiment(self, name: str) -> dict[str, Any]:
        """Return an Experiment's resource."""
        found: dict[str, Any] = json.loads(self.kuttab("get", "experiment", name, "-o", "json"))
        return found

    def has_ended(self, name: str) -> bool:
        """Tell whether an Experiment has succeeded or failed."""
        conditions = self.experiment(name)["status"]["conditions"]
        return any(it["type"] in {"Succeeded", "Failed"} and it["status"] == "True" for it in conditions)

    def wait(self, what: Callable[[], bool], *, seconds: float, why: str) -> None:
        """Return when it is so."""
        until = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < until, f"{why}: not within {seconds} s"
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """End every process that is still there."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def a_digits_experiment(folder: Path, *, trials: int) -> Path:
    """Write the digits Experiment with Workers that note each of their starts."""
    resource = yaml.safe_load((ROOT / "examples" / "digits.yaml").read_text())
    resource["metadata"]["name"] = "digits"
    resource["spec"]["maxTrialCount"] = trials
    resource["spec"]["parallelTrialCount"] = 3
    worker = resource["spec"]["trialTemplate"]["trialSpec"]["spec"]
    script = 'echo "$KUTTAB_TRIAL_NAME $KUTTAB_ATTEMPT" >> "$STARTS"; exec "$@"'
    worker["command"] = ["/bin/sh", "-c", script, "worker", *worker["command"]]
    environment = worker.setdefault("env", [])
    environment.append({"name": "STARTS", "value": str(folder / "starts")})
    path = folder / "digits.yaml"
    path.write_text(yaml.safe_dump(resource))
    return path


def count_dead_letters(rabbitmq: RabbitMQServer) -> int:
    """Count the messages in dead-letter queues."""
    rows = rabbitmq.control("list_queues", "--silent", "name", "messages").splitlines()
    return sum(int(row.split()[1]) for row in rows if "dead" in row)
