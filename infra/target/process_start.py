"""The start of a Worker's process: everything that can be refused is refused before anything is made."""

import errno
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from functions.worker import LaunchRefusedError, Worker
from infra.target.checkpoints import find_checkpoint
from infra.target.preparing import collecting_environment, companion_script, find_program, prepare_collecting
from infra.target.process_spec import ProcessSpec, collected_path, read_companion_spec, read_process_spec, redirect
from infra.target.worker_environment import PushAccess, worker_environment
from infra.target.worker_files import WorkerFiles

SHIM = Path(__file__).with_name("shim.sh")
_SHIM_SECONDS = 10.0
"""How long a shim may take to say who it is, on a machine that is busy."""
_POLL_SECONDS = 0.002


def start(
    worker: Worker, files: WorkerFiles, *, working_directory: Path, environment: Mapping[str, str], push: PushAccess
) -> None:
    """Start the shim with the Worker's command, and return when one shim of this attempt has said who it is.

    Raises LaunchRefusedError where the command can never run here, OSError where it may run later.
    """
    spec, companion, path = read_process_spec(worker), read_companion_spec(worker), collected_path(worker)
    if path:
        spec = redirect(spec, path, files.mapped(path))
    checkpoint = find_checkpoint(worker, files.directory.parent)
    spec = checkpoint.redirect(spec) if checkpoint else spec
    directory = _working_directory(spec, working_directory)
    collecting = collecting_environment(worker, files)
    variables = worker_environment(worker, environment, spec.environment, push) | collecting
    variables |= checkpoint.environment() if checkpoint else {}
    program = find_program(spec, directory, variables.get("PATH", os.defpath))
    script = companion_script(companion, path, files, directory, variables) if companion else ""
    files.prepare(worker.manifest, owner=worker.experiment.uid)
    if checkpoint:
        checkpoint.prepare(files)
    prepare_collecting(worker, files, collecting, script)
    shim = _run_shim(files, [program, *spec.command[1:]], directory, variables)
    _wait_for_identity(shim, files)


def _working_directory(spec: ProcessSpec, default: Path) -> Path:
    """Return where to run: a container's directory is one of its image, and means something here only if it exists."""
    directory = default / spec.working_directory
    if directory.is_dir():
        return directory
    if spec.is_own_kind:
        message = f"spec.trialTemplate.trialSpec.spec.workingDir: there is no directory {directory}"
        raise LaunchRefusedError("NoWorkingDirectory", message)
    return default


def _run_shim(
    files: WorkerFiles, command: list[str], directory: Path, environment: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    try:
        with files.log.open("ab") as log:
            return subprocess.Popen(
                ["/bin/sh", str(SHIM), str(files.directory), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=environment,
                start_new_session=True,
            )
    except ValueError as error:
        message = f"the command or its environment cannot be given to a process: {error}"
        raise LaunchRefusedError("InvalidCommand", message) from error
    except OSError as error:
        if error.errno != errno.E2BIG:
            raise
        size = sum(len(word) for word in command)
        message = f"the command's {len(command)} arguments ({size} characters) and environment are too long to start"
        raise LaunchRefusedError("ArgumentListTooLong", message) from error


def _wait_for_identity(shim: "subprocess.Popen[bytes]", files: WorkerFiles) -> None:
    """Wait until the shim that won this attempt, this one or another, is known. Raises OSError if none has started.

    None is known either where the attempt was removed meanwhile: then nothing is to be started any more.
    """
    deadline = time.monotonic() + _SHIM_SECONDS
    while (identity := files.find_identity()) is None and time.monotonic() < deadline:
        if shim.poll() is not None and not files.is_starting:
            break
        time.sleep(_POLL_SECONDS)
    if identity is None or identity.pid != shim.pid:
        shim.wait(_SHIM_SECONDS)
    else:
        # It lives on without this object, which would warn when it is forgotten; is_alive reaps it.
        shim.returncode = 0
    if identity is None and not files.is_claimed:
        raise OSError(errno.EAGAIN, f"the Worker's shim did not start: {files.last_line(200)}")
