"""The command as the shell sees it: help, statuses, tracebacks, completion."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from local_runner.cli.main import COMMANDS, cli
from tests.builders import EPOCH
from tests.unit.cli_material import a_past, fill_directory

ROOT = Path(__file__).parents[2]
HEAVY = ("alembic", "kombu", "numpy", "optuna", "plotly", "pydantic", "rich", "sqlalchemy", "yaml")


def kuttab(*arguments: str, cwd: Path, given: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    known = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", "local_runner", *arguments]
    return subprocess.run(command, cwd=cwd, env=known, input=given, capture_output=True, timeout=60, check=False)


def test_every_command_has_a_module_and_a_help_text() -> None:
    answers = {name: CliRunner().invoke(cli, [name, "--help"]) for name in COMMANDS}

    assert {name: it.exit_code for name, it in answers.items()} == dict.fromkeys(COMMANDS, 0)
    assert all(name in CliRunner().invoke(cli, ["--help"]).output for name in COMMANDS)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["get", "-h"], ["completion", "fish"]])
def test_help_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from local_runner.cli.main import cli\n"
        f"cli({arguments}, standalone_mode=False)\n"
        f"print('loaded:', *(set({HEAVY}) & set(sys.modules)))"
    )

    known = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=known, capture_output=True, text=True, check=True
    )

    assert answer.stdout.splitlines()[-1] == "loaded:"


def test_a_bad_file_is_status_2_and_a_line_for_each_error(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("a: [1\nb: 2")

    answer = kuttab("run", "bad.yaml", cwd=tmp_path)

    assert (answer.returncode, answer.stdout) == (2, b"")
    assert answer.stderr.decode() == "error: bad.yaml:2: expected ',' or ']', but got ':'\n"
    assert not (tmp_path / ".kuttab").exists()


FILES = {
    "empty": (b"", "holds no Experiment"),
    "binary": (bytes(range(128, 256)) * 9, "1: is not UTF-8 text"),
    "zeros": (bytes(64), "1: special characters are not allowed"),
    "50 MB": (b"a" * 50_000_000, "is larger than 1024 KiB"),
    "a folder": (None, "Is a directory"),
}


@pytest.mark.parametrize("verb", ["run", "submit"])
@pytest.mark.parametrize(("body", "words"), FILES.values(), ids=FILES)
def test_what_is_no_experiment_file_is_status_2_and_a_line(
    verb: str, body: bytes | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if body is None:
        Path("given").mkdir()
    else:
        Path("given").write_bytes(body)

    answer = CliRunner().invoke(cli, [verb, "given"])

    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.removeprefix("error: given:").strip() == words
    assert not Path(".kuttab").exists()


def test_a_traceback_is_shown_on_demand(tmp_path: Path) -> None:
    answer = kuttab("run", "nowhere.yaml", cwd=tmp_path, KUTTAB_DEBUG="1")

    assert answer.returncode == 1
    assert b"Traceback" in answer.stderr
    assert b"DocumentError" in answer.stderr


@pytest.mark.parametrize("arguments", [["nonsense"], ["run"], ["run", "a", "b"], ["get", "exp", "--outptu"]])
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    answer = CliRunner().invoke(cli, arguments)

    assert answer.exit_code == 2
    assert "Usage: " in answer.stderr


def test_the_version_is_that_of_the_project() -> None:
    answer = CliRunner().invoke(cli, ["version"])

    assert answer.output.startswith("kuttab 0.")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_completion_script(shell: str) -> None:
    answer = CliRunner().invoke(cli, ["completion", shell])

    assert answer.exit_code == 0
    assert "_KUTTAB_COMPLETE" in answer.output


def completions(tmp_path: Path, words: str) -> list[str]:
    count = str(len(words.split(" ")) - 1)
    program = "from local_runner.cli.main import cli; cli(prog_name='kuttab')"
    known = {**os.environ, "PYTHONPATH": str(ROOT), "_KUTTAB_COMPLETE": "bash_complete"}
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**known, "COMP_WORDS": words, "COMP_CWORD": count},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition(",")[2] for line in answer.stdout.splitlines() if line]


def test_commands_kinds_and_names_are_completed(tmp_path: Path) -> None:
    experiment, trials = a_past([0.5])
    experiment.created_at = EPOCH
    fill_directory(tmp_path / ".kuttab", experiment, trials)

    assert completions(tmp_path, "kuttab des") == ["describe"]
    assert completions(tmp_path, "kuttab get tr") == ["trials"]
    assert completions(tmp_path, "kuttab describe experiment d") == ["digits"]
    assert completions(tmp_path, "kuttab logs digits") == [trials[0].name]


def test_completion_is_silent_where_there_is_no_database(tmp_path: Path) -> None:
    assert completions(tmp_path, "kuttab resume d") == []
    assert list(tmp_path.iterdir()) == []
