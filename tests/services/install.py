"""Find the servers that tests start, and install Debian's packages of those that are missing."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_LOCK = Path(tempfile.gettempdir()) / "kuttab-test-services.lock"
_POLICY = Path("/usr/sbin/policy-rc.d")
"""Debian asks this program before a package starts its service; 101 means no."""
_APT = ("apt-get", "-o", "DPkg::Lock::Timeout=300", "--quiet=2", "--assume-yes", "--no-install-recommends")
_INSTALL_SECONDS = 600


class ServiceMissingError(RuntimeError):
    """A server is not on this machine and cannot be installed: the message says what to install."""


def ensure(packages: Sequence[str], binaries: Sequence[Path]) -> None:
    """Return when all binaries are there; install Debian's packages where they are not and we are root.

    Raises:
        ServiceMissingError: One line that says what to install.
    """
    if _are_there(binaries):
        return
    advice = f"install {' '.join(packages)}, or leave these tests out with KUTTAB_TEST_SERVICES=off"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        missing = ", ".join(str(path) for path in binaries if not path.exists())
        raise ServiceMissingError(f"{missing} is missing: {advice}")
    with _one_at_a_time(), _no_service_starts():
        if not _are_there(binaries):
            _install(packages, advice)
    if not _are_there(binaries):
        raise ServiceMissingError(f"the packages hold no {', '.join(map(str, binaries))}: {advice}")


def _are_there(binaries: Sequence[Path]) -> bool:
    return all(path.exists() for path in binaries)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let one process of a parallel test run install; the others wait and find the binaries."""
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Forbid the packages to start a server for the whole machine; a policy that is there already is left alone."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def _install(packages: Sequence[str], advice: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in ([*_APT, "update"], [*_APT, "install", *packages]):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            raise ServiceMissingError(f"{' '.join(command[:1] + command[-1:])} failed ({lines[-1]}): {advice}")
