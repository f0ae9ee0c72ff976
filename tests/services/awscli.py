"""The AWS CLI in an environment of its own: it pins what the project must be free to move."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.services.install import ServiceMissingError

VERSION = "1.45.11"
_ROOT = Path(__file__).resolve().parents[2]
_LOCK = Path(tempfile.gettempdir()) / "kuttab-test-awscli.lock"
_SECONDS = 600


def aws_directory() -> Path:
    """Return the directory that holds `aws`; the first call installs it. Raises ServiceMissingError."""
    home = _ROOT / ".venv" / f".awscli-{VERSION}"
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "bin" / "aws").exists():
            _install(home)
    return home / "bin"


def _install(home: Path) -> None:
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if uv is None:
        raise ServiceMissingError("uv is missing: `make test` installs it")
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)],
        [uv, "pip", "install", "--quiet", "--python", str(home / "bin" / "python"), f"awscli=={VERSION}"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if done.returncode:
            raise ServiceMissingError(f"the AWS CLI cannot be installed: {done.stderr.strip()}")
