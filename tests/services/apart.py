"""Programs of PyPI that pin what the project must be free to move: each in an environment of its own."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.services.install import ServiceMissingError

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 600
_MARK = ".installed"


def install_apart(name: str, *requirements: str) -> Path:
    """Return the directory of the environment's programs; the first call makes it. Raises ServiceMissingError."""
    home = _ROOT / ".venv" / f".{name}"
    with Path(tempfile.gettempdir(), f"kuttab-test-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / _MARK).exists():
            _install(home, requirements)
            (home / _MARK).touch()
    return home / "bin"


def _install(home: Path, requirements: tuple[str, ...]) -> None:
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if uv is None:
        raise ServiceMissingError("uv is missing: `make test` installs it")
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)],
        [uv, "pip", "install", "--quiet", "--python", str(home / "bin" / "python"), *requirements],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if done.returncode:
            raise ServiceMissingError(f"{requirements[0]} cannot be installed: {done.stderr.strip()}")
