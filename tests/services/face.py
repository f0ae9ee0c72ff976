"""`kuttab serve` as a process of its own, and kubectl beside it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.services.kubectl import find_kubectl

ROOT = Path(__file__).parents[2]
_SECONDS = 60.0
"""How long one call, or the server's start, may take on a busy machine."""


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers, and the home of whoever calls it."""

    url: str
    home: Path
    kubeconfig: Path
    pid: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """Variables that know this server and no other."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KUTTAB_")}
        return {**kept, "HOME": str(self.home), "KUBECONFIG": str(self.kubeconfig)}

    def kubectl(self, *arguments: str, content: Any = None, status: int = 0) -> str:
        """Return what kubectl prints, errors included; `content` goes to its standard input as YAML."""
        done = subprocess.run(
            [find_kubectl(), *arguments],
            input=None if content is None else yaml.safe_dump(content),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=2 * _SECONDS,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr


@contextmanager
def serve(home: Path, *options: str, **variables: str) -> Iterator[Served]:
    """Serve until the end of the block; the process stops as it does for Ctrl-C."""
    kubeconfig = home / "kubeconfig"
    served = Served("", home, kubeconfig)
    environment = {**served.environment, "KUTTAB_TICK_SECONDS": "0.2", "KUTTAB_SUPERVISE_SECONDS": "0.05", **variables}
    environment.pop("KUBECONFIG")
    command = [sys.executable, "-m", "local_runner", "serve", "--port", "0", "--kubeconfig", str(kubeconfig), *options]
    errors = home / "serve.err"
    with errors.open("w") as log:
        process = subprocess.Popen(
            command, cwd=home, env={**environment, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=log
        )
    with process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline().decode()
            assert " is at " in first, errors.read_text()
            yield Served(first.rpartition(" ")[2].strip(), home, kubeconfig, process.pid)
        finally:
            process.terminate()
            process.wait(_SECONDS)


def eventually(holds: Any, what: str) -> Any:
    """Return the first true answer. Raises AssertionError where none comes in time."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if answer := holds():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"it never came true that {what}")
