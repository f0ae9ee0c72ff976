"""Who may work in a runner's directory."""

import subprocess
import sys
from pathlib import Path

import pytest

from local_runner.directory import DirectoryBusyError, RunnerDirectory

PROGRAM = """
import os, sys, time
from pathlib import Path
from local_runner.directory import RunnerDirectory
with RunnerDirectory(Path(sys.argv[1])):
    if os.fork() == 0:
        time.sleep(float(sys.argv[2]))
        os._exit(0)
    print("forked", flush=True)
    os._exit(0) if sys.argv[3] == "ends" else time.sleep(60)
"""


def start_runner(directory: Path, *, child_seconds: float, ends: bool) -> subprocess.Popen[str]:
    words = [str(directory), str(child_seconds), "ends" if ends else "stays"]
    runner = subprocess.Popen([sys.executable, "-c", PROGRAM, *words], stdout=subprocess.PIPE, text=True)
    assert runner.stdout is not None
    assert runner.stdout.readline() == "forked\n"
    return runner


def test_the_lock_of_a_runner_that_was_killed_while_it_forked_is_waited_for(tmp_path: Path) -> None:
    with start_runner(tmp_path, child_seconds=0.5, ends=True) as runner:
        runner.wait()
        with RunnerDirectory(tmp_path) as directory:
            assert directory.inbox.is_dir()


def test_a_runner_at_work_is_named_at_once(tmp_path: Path) -> None:
    with start_runner(tmp_path, child_seconds=0, ends=False) as runner:
        try:
            with pytest.raises(DirectoryBusyError, match=f"pid {runner.pid}"):
                RunnerDirectory(tmp_path).__enter__()
        finally:
            runner.kill()
