"""`kuttab run` and `resume` with real Workers: statuses, the terminal, Ctrl-C."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.builders import an_experiment_manifest

ROOT = Path(__file__).parents[2]
SCRIPT = 'echo loss="$0"'
UNTIL_TOLD = f"while [ ! -e go ]; do sleep 0.1; done; {SCRIPT}"
"""A Worker that runs as long as the test needs it to, on a slow machine too."""
PATIENCE_SECONDS = 40

pytestmark = pytest.mark.slow


def write_experiment(folder: Path, script: str = SCRIPT, *, name: str = "small", **spec: Any) -> None:
    template = {
        "primaryContainerName": "main",
        "trialParameters": [{"name": "x", "reference": "x"}],
        "trialSpec": {
            "apiVersion": "kuttab.dev/v1",
            "kind": "Process",
            "spec": {"command": ["sh", "-c", script, "${trialParameters.x}"]},
        },
    }
    spec = {"maxTrialCount": 4, "maxFailedTrialCount": 1, "trialTemplate": template, **spec}
    (folder / "small.yaml").write_text(json.dumps(an_experiment_manifest(name=name, **spec)))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "local_runner", *arguments]


def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}


def kuttab(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=cwd, env=environ(), capture_output=True, text=True, timeout=90, check=False
    )


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.1)


def states(cwd: Path) -> list[str]:
    """Return the conditions of the Trials."""
    answer = kuttab("get", "trials", "--no-headers", cwd=cwd)
    return [line.split()[1] for line in answer.stdout.splitlines()]


def test_a_run_succeeds_tells_each_trial_and_leaves_a_report(tmp_path: Path) -> None:
    write_experiment(tmp_path)

    answer = kuttab("run", "small.yaml", cwd=tmp_path)

    lines = answer.stdout.splitlines()
    assert (answer.returncode, answer.stderr) == (0, "")
    assert sum(" Succeeded loss=" in line for line in lines) == 4
    assert any(line.startswith("Optimal     small-") for line in lines)
    assert lines[-1] == "Report      .kuttab/reports/small.html"
    assert "plotly" in (tmp_path / ".kuttab/reports/small.html").read_text()


def test_the_same_file_again_is_explained_and_replaced_on_demand(tmp_path: Path) -> None:
    write_experiment(tmp_path)

    first = kuttab("run", "small.yaml", "--no-report", cwd=tmp_path)
    second = kuttab("run", "small.yaml", "--no-report", cwd=tmp_path)
    third = kuttab("run", "small.yaml", "--no-report", "--replace", cwd=tmp_path)

    assert [it.returncode for it in (first, second, third)] == [0, 2, 0]
    assert "add --replace" in second.stderr
    assert "kuttab delete experiment small" in second.stderr
    assert states(tmp_path) == ["Succeeded"] * 4


def test_a_failed_experiment_is_status_1(tmp_path: Path) -> None:
    write_experiment(tmp_path, "echo no such data >&2; exit 3")

    answer = kuttab("run", "small.yaml", "--no-report", cwd=tmp_path)

    assert answer.returncode == 1
    assert "Experiment has failed because max failed count has reached" in answer.stdout


def test_json_is_a_line_of_json_per_event(tmp_path: Path) -> None:
    write_experiment(tmp_path)

    answer = kuttab("run", "small.yaml", "--json", "--no-report", cwd=tmp_path)

    types = [json.loads(line)["type"] for line in answer.stdout.splitlines()]
    assert answer.returncode == 0
    assert types[0] == "kuttab.experiment.created.v1"
    assert types.count("kuttab.trial.finished.v1") >= 4
    assert "kuttab.experiment.finished.v1" in types


def test_a_request_to_end_detaches_and_resume_goes_on(tmp_path: Path) -> None:
    write_experiment(tmp_path, UNTIL_TOLD, parallelTrialCount=2)
    runner = subprocess.Popen(
        command("run", "small.yaml"), cwd=tmp_path, env=environ(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    wait_until(lambda: "Running" in states(tmp_path))

    runner.send_signal(signal.SIGTERM)
    _, said = runner.communicate(timeout=PATIENCE_SECONDS)
    (tmp_path / "go").touch()
    resumed = kuttab("resume", "small", "--no-report", cwd=tmp_path)

    assert (runner.returncode, said, resumed.returncode) == (130, b"", 0)
    assert resumed.stdout.startswith("experiment.kubeflow.org/small resumed: ")
    assert states(tmp_path) == ["Succeeded"] * 4


def test_a_second_terminal_reaches_the_runner(tmp_path: Path) -> None:
    write_experiment(tmp_path, "sleep 60")
    runner = subprocess.Popen(command("run", "small.yaml"), cwd=tmp_path, env=environ(), stdout=subprocess.DEVNULL)
    wait_until(lambda: "Running" in states(tmp_path))

    stopped = kuttab("stop", "experiment", "small", cwd=tmp_path)

    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert runner.wait(PATIENCE_SECONDS) == 1
    assert set(states(tmp_path)) == {"Killed"}


def test_a_running_trial_that_is_deleted_has_its_line_and_the_run_goes_on(tmp_path: Path) -> None:
    write_experiment(tmp_path, f"[ -e go ] || {{ touch go; sleep 60; }}; {SCRIPT}", parallelTrialCount=1)
    runner = subprocess.Popen(
        command("run", "small.yaml", "--no-report"), cwd=tmp_path, env=environ(), stdout=subprocess.PIPE, text=True
    )
    wait_until((tmp_path / "go").exists)
    (name,) = (line.split()[0] for line in kuttab("get", "trials", "--no-headers", cwd=tmp_path).stdout.splitlines())

    deleted = kuttab("delete", "trial", name, cwd=tmp_path)
    shown, _ = runner.communicate(timeout=PATIENCE_SECONDS)

    lines = shown.splitlines()
    assert (deleted.returncode, runner.returncode) == (0, 0)
    assert lines[1].startswith(f"[1/4] {name} Killed (x=")
    assert lines[1].endswith(" - deleted")
    assert "Trials      4/4: 3 succeeded, 1 killed" in lines


def on_a_terminal(folder: Path, *interrupts_after: str) -> tuple[int, str]:
    """Run on a terminal; press Ctrl-C each time that such a text has been shown."""
    waiting = list(interrupts_after)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execve(sys.executable, command("run", "small.yaml", "--no-report"), environ())
    shown = ""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        shown += re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", piece.decode(errors="replace"))
        if waiting and waiting[0] in shown:
            waiting.pop(0)
            os.write(terminal, b"\x03")
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def test_a_terminal_has_the_live_view(tmp_path: Path) -> None:
    write_experiment(tmp_path, f"sleep 1; {SCRIPT}")

    status, shown = on_a_terminal(tmp_path)

    assert status == 0
    assert "small  minimize loss · random" in shown
    assert "/4 Trials" in shown
    assert "Best so far" in shown
    assert "Optimal     small-" in shown


def test_the_first_ctrl_c_detaches_and_the_workers_live_on(tmp_path: Path) -> None:
    write_experiment(tmp_path, UNTIL_TOLD, maxTrialCount=2)

    status, shown = on_a_terminal(tmp_path, "2 running")

    assert status == 130
    assert "Detaching in 3 s; press Ctrl-C again" in shown
    assert "Go on: kuttab resume small" in shown
    assert set(states(tmp_path)) == {"Running"}
    (tmp_path / "go").touch()
    assert kuttab("resume", "--no-report", cwd=tmp_path).returncode == 0


def test_the_second_ctrl_c_stops_the_workers(tmp_path: Path) -> None:
    write_experiment(tmp_path, "sleep 60", maxTrialCount=2)

    status, shown = on_a_terminal(tmp_path, "2 running", "Detaching in 3 s")

    assert status == 130
    assert "Stopping the Workers." in shown
    assert set(states(tmp_path)) == {"Killed"}
