"""Build the wheel, install it in a fresh environment, and use it there as a stranger would."""

import csv
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "events": "kuttab",
    "functions": "kuttab/_app/functions",
    "infra": "kuttab/_app/infra",
    "local_runner": "kuttab/_app/local_runner",
}
OPENSEARCH = "opensearch-py==3.2.0"  # it needs PyPI's `events`, which a flat wheel would break

# One group, so that one worker builds and installs once; the first test's time includes both.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT, cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def runner(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an environment with the runner and opensearch-py side by side."""
    return an_environment(tmp_path_factory.mktemp("runner"), f"kuttab[runner] @ {wheel.as_uri()}", OPENSEARCH)


@pytest.fixture(scope="module")
def sdk(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an environment with the SDK alone."""
    return an_environment(tmp_path_factory.mktemp("sdk"), f"kuttab @ {wheel.as_uri()}")


def test_every_file_of_the_product_travels(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = archive.namelist()

    assert set(product_files()) <= set(shipped)
    assert len(shipped) == len(set(shipped))


def test_the_wheel_adds_one_name_to_site_packages(runner: Path) -> None:
    record = next(runner.glob("lib/*/site-packages/kuttab-*.dist-info/RECORD"))
    with record.open() as lines:
        paths = [row[0] for row in csv.reader(lines)]

    added = {path.partition("/")[0] for path in paths if not path.startswith("../")}
    elsewhere = {path for path in paths if path.startswith("../")}

    assert added == {"kuttab", record.parent.name}
    assert elsewhere == {"../../../bin/kuttab"}


def test_the_command_answers(runner: Path, tmp_path: Path) -> None:
    answer = run(runner / "bin/kuttab", "--help", cwd=tmp_path)

    assert "Usage: kuttab" in answer


def test_events_of_another_package_still_works_beside_it(runner: Path, tmp_path: Path) -> None:
    program = """
import events, opensearchpy, kuttab
heard = []
events.Events().changed += heard.append
hub = events.Events(); hub.changed += heard.append; hub.changed("news")
print(heard, hasattr(kuttab, "Events"))
"""

    assert run(runner / "bin/python", "-c", program, cwd=tmp_path) == "['news'] False\n"


def test_each_class_exists_once_in_the_process_of_the_command(runner: Path, tmp_path: Path) -> None:
    program = """
import kuttab._launcher
import events.trial, functions, kuttab, kuttab.trial
from events.envelope import Event
assert events is kuttab and events.trial is kuttab.trial
assert events.trial.TrialFinished is kuttab.trial.TrialFinished
assert Event is kuttab.envelope.Event and issubclass(kuttab.trial.TrialFinished, Event)
print(events.trial.__spec__.name, functions.__file__.split("site-packages")[1])
"""

    answer = run(runner / "bin/python", "-c", program, cwd=tmp_path)

    assert answer.split() == ["kuttab.trial", "/kuttab/_app/functions/__init__.py"]


def test_every_module_can_be_imported_as_installed(runner: Path, tmp_path: Path) -> None:
    names = [name for name in module_names(*FOLDERS) if "migrations" not in name and "__main__" not in name]
    program = "import importlib, kuttab._launcher, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"

    run(runner / "bin/python", "-c", program, *names, cwd=tmp_path)


def test_the_sdk_needs_neither_search_nor_servers(sdk: Path, tmp_path: Path) -> None:
    left_out = {"events.schemas.__main__", "events.client.sqs"}  # a program; the extra `kuttab[sqs]`
    names = [name.replace("events", "kuttab", 1) for name in module_names("events") if name not in left_out]
    program = (
        "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nfrom kuttab import publish"
    )

    run(sdk / "bin/python", "-c", program, *names, cwd=tmp_path)

    assert not list(sdk.glob("lib/*/site-packages/numpy"))


def test_publishing_to_sqs_without_the_extra_says_what_to_install(sdk: Path, tmp_path: Path) -> None:
    program = """
from kuttab.client.errors import PublishError
try:
    import kuttab.client.sqs
except PublishError as error:
    print(error)
"""

    assert run(sdk / "bin/python", "-c", program, cwd=tmp_path) == "sqs:// needs boto3: install kuttab[sqs]\n"


def test_the_command_without_the_runner_says_what_to_install(sdk: Path, tmp_path: Path) -> None:
    answer = subprocess.run(
        [sdk / "bin/kuttab"], cwd=tmp_path, env=environ(), capture_output=True, text=True, check=False
    )

    assert answer.returncode == 1
    assert "pip install 'kuttab[runner]'" in answer.stderr


def an_environment(folder: Path, *requirements: str) -> Path:
    """Make an environment that holds these requirements, at the versions the project pins."""
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    run(uv, "venv", "--quiet", "--python", sys.executable, folder / "env", cwd=folder)
    constraints = ("--constraint", ROOT / "requirements.txt")
    run(uv, "pip", "install", "--quiet", "--python", folder / "env", *constraints, *requirements, cwd=folder)
    return folder / "env"


def product_files() -> Iterator[str]:
    for source, target in FOLDERS.items():
        for path in (ROOT / source).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{target}/{path.relative_to(ROOT / source).as_posix()}"


def module_names(*folders: str) -> list[str]:
    paths = (path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths)


def environ() -> dict[str, str]:
    """Give the environment of this process, without what would let another one see the checkout."""
    return {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command outside the checkout and answer what it printed."""
    done = subprocess.run(command, cwd=cwd, env=environ(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stdout}\n{done.stderr}"
    return done.stdout
