"""A directory, a disk or a database that cannot be used: one clear line, a documented status, and nothing is lost."""

import os
import resource
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.embedded_rig import PATIENCE_SECONDS
from tests.unit.test_cli_run import command, environ, kuttab, states, wait_until, write_experiment

pytestmark = pytest.mark.slow


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount disks in memory with options of a test's choice."""
    made: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk-{len(made)}"
        folder.mkdir()
        line = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
        if subprocess.run(line, check=False, capture_output=True).returncode:
            pytest.skip("only root may mount a disk")
        made.append(folder)
        return folder

    yield mount
    for folder in made:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_directory_that_may_not_be_written_is_named(tmp_path: Path, mounted: Callable[[str], Path]) -> None:
    write_experiment(tmp_path)
    folder = mounted("ro")

    answer = kuttab("run", "small.yaml", "--dir", str(folder / "k"), cwd=tmp_path)

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == f"error: {folder}/k: Read-only file system\n"


def test_a_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    write_experiment(tmp_path)
    (tmp_path / "k").write_text("")

    answer = kuttab("run", "small.yaml", "--dir", "k", cwd=tmp_path)

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == "error: k/inbox: Not a directory\n"


def test_a_disk_without_room_for_a_database_is_named(tmp_path: Path, mounted: Callable[[str], Path]) -> None:
    write_experiment(tmp_path)
    folder = mounted("size=64k")

    answer = kuttab("run", "small.yaml", "--dir", str(folder / "k"), cwd=tmp_path)

    words = "database or disk is full; make room on that disk; nothing is lost"
    assert (answer.returncode, answer.stderr) == (2, f"error: {folder}/k/kuttab.db: {words}\n")


def test_a_disk_that_fills_up_is_told_of_in_one_line_and_the_run_goes_on_when_there_is_room(
    tmp_path: Path, mounted: Callable[[str], Path]
) -> None:
    folder = mounted("size=2m")
    write_experiment(tmp_path, "echo >> begun; while [ ! -e go ]; do sleep 0.1; done; echo loss=$0")
    runner = subprocess.Popen(
        command("run", "small.yaml", "--no-report", "--dir", str(folder / "k")),
        cwd=tmp_path,
        env=environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    assert runner.stderr is not None
    listening = threading.Thread(target=said.extend, args=(runner.stderr,))
    listening.start()
    wait_until((tmp_path / "begun").exists)

    _fill(folder / "filler")
    wait_until(lambda: bool(said))
    (folder / "filler").unlink()
    (tmp_path / "go").touch()  # not before there is room: what a Worker cannot write is lost
    status = runner.wait(PATIENCE_SECONDS)
    listening.join()
    runner.stderr.close()

    assert (status, len(said)) == (0, 1)
    assert said[0].startswith(f"warning: {folder}/k: ")
    assert said[0].endswith("; what cannot be written waits until it can be; nothing is lost\n")
    assert len((tmp_path / "begun").read_text().splitlines()) == 4


def _fill(path: Path) -> None:
    """Write until nothing more fits."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def test_a_limit_of_file_sizes_is_told_of_in_one_line(tmp_path: Path) -> None:
    write_experiment(tmp_path, maxTrialCount=200, parallelTrialCount=4)
    bound = 240 * 1024
    runner = subprocess.Popen(
        command("run", "small.yaml", "--no-report"),
        cwd=tmp_path,
        env=environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bound, bound)),  # noqa: PLW1509 - no threads here
    )
    assert runner.stderr is not None

    first = runner.stderr.readline()
    runner.send_signal(signal.SIGTERM)
    _, rest = runner.communicate(timeout=PATIENCE_SECONDS)

    assert (runner.returncode, rest) == (130, "")
    assert first.startswith(f"warning: {tmp_path}/.kuttab: ")


@pytest.fixture
def past(tmp_path: Path) -> Path:
    """Run something in a folder, and return its database."""
    write_experiment(tmp_path)
    assert kuttab("run", "small.yaml", "--no-report", cwd=tmp_path).returncode == 0
    return tmp_path / ".kuttab" / "kuttab.db"


WORDS = (("run", "small.yaml", "--replace"), ("resume",), ("get", "experiments"), ("submit", "small.yaml"))


def test_a_database_of_a_newer_version_is_left_alone(past: Path, tmp_path: Path) -> None:
    with sqlite3.connect(past) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")

    answers = [kuttab(*words, cwd=tmp_path) for words in (*WORDS, ("db", "upgrade"))]

    assert {it.returncode for it in answers} == {2}
    assert len({it.stderr for it in answers}) == 1
    assert answers[0].stderr.startswith("error: the database's schema is at 9999, which this version of Kuttab (schema")
    assert answers[0].stderr.count("\n") == 1


def test_a_damaged_database_is_named(past: Path, tmp_path: Path) -> None:
    body = past.read_bytes()
    past.write_bytes(body[:4096] + os.urandom(len(body) - 4096))

    answers = [kuttab(*words, cwd=tmp_path) for words in WORDS]

    words = "the file is damaged: restore it from a copy, or begin anew in another --dir"
    line = f"error: .kuttab/kuttab.db: database disk image is malformed; {words}\n"
    assert [(it.returncode, it.stderr) for it in answers] == [(2, line)] * len(WORDS)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("no-such-program", "no-such-program"),
        ("./small.yaml", "small.yaml' is not executable"),
    ],
    ids=["missing", "not executable"],
)
def test_a_worker_that_cannot_be_started_fails_the_run_with_its_reason(
    tmp_path: Path, program: str, words: str
) -> None:
    write_experiment(tmp_path)
    text = (tmp_path / "small.yaml").read_text().replace('["sh", "-c"', f'["{program}", "-c"')
    (tmp_path / "small.yaml").write_text(text)

    answer = kuttab("run", "small.yaml", "--no-report", cwd=tmp_path)

    (line,) = (it for it in answer.stdout.splitlines() if it.startswith("[1/4] "))
    assert (answer.returncode, answer.stderr) == (1, "")
    assert "spec.trialTemplate.trialSpec.spec.command" in line
    assert words in line
    assert "Failed" in states(tmp_path)
