"""Logs of Workers for the API: of this host's directory, or why they cannot be had."""

import sys
from pathlib import Path

import pytest

from events.search_space import ParameterAssignment
from events.trial import TargetKind
from infra.face.logs import LOG_BYTES, TargetLogs
from infra.settings import Settings
from tests.builders import a_trial, an_experiment


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(directory=tmp_path)


def write_log(settings: Settings, name: str, text: bytes) -> None:
    folder = settings.directory / "workers" / name
    folder.mkdir(parents=True)
    (folder / "log").write_bytes(text)


async def test_a_process_log_of_this_host_is_read_to_its_end_and_bounded(settings: Settings) -> None:
    experiment = an_experiment(kind="Process")
    trial = a_trial(experiment, attempt=2, host="here")
    write_log(settings, f"{trial.uid}-2", b"x" * LOG_BYTES + b"end\n")

    found, _ = await TargetLogs(settings).read(experiment, trial, attempt=2)

    assert found is not None
    assert (len(found), found[-5:]) == (LOG_BYTES, b"xend\n")


@pytest.mark.parametrize(
    ("host", "why"), [("elsewhere", "it is on host elsewhere"), ("", "its Worker has not started")]
)
async def test_a_process_log_of_another_host_is_named(settings: Settings, host: str, why: str) -> None:
    experiment = an_experiment(kind="Process")

    found, problem = await TargetLogs(settings).read(experiment, a_trial(experiment, host=host), attempt=1)

    assert (found, problem) == (None, why)


async def test_a_target_whose_client_is_not_here_says_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "infra.target.kubernetes", None)
    experiment = an_experiment(kind="Process")
    assignments = (ParameterAssignment(name="x", value="1"),)
    trial = a_trial(experiment, target=TargetKind.KUBERNETES, attempt=1, assignments=assignments)

    found, problem = await TargetLogs(settings).read(experiment, trial, attempt=1)

    assert found is None
    assert problem.startswith("this server cannot reach target kubernetes")


async def test_an_external_worker_has_its_log_itself(settings: Settings) -> None:
    experiment = an_experiment(kind="External")

    found, problem = await TargetLogs(settings).read(experiment, a_trial(experiment), attempt=1)

    assert (found, problem) == (None, "on target external only its client has it")
