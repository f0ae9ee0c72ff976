"""What is bad ends in the right state with one clear message, and disturbs nothing else."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from events.envelope import encode
from events.experiment import ExperimentCreated
from functions.experiment.model import Experiment, Phase
from functions.trial.model import Trial, TrialState
from infra.settings import Settings
from local_runner.embedded import EmbeddedRunner
from tests.builders import a_tick, an_edit
from tests.integration.embedded_rig import (
    a_process_experiment,
    a_shell_experiment,
    clean_up,
    eventually,
    finish,
    quick_settings,
    read_lines,
    run,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bad input")]

GOOD = "good"
UNAVAILABLE = (TrialState.METRICS_UNAVAILABLE, "MetricsUnavailable", "Metrics are not available")
SUCCEEDED = (TrialState.SUCCEEDED, "TrialSucceeded", "")

SCRIPTS: Mapping[str, tuple[str, tuple[TrialState, str, str]]] = {
    GOOD: ("echo loss=0.5", SUCCEEDED),
    "garbage and a metric": ("head -c 300000 /dev/urandom; echo; echo loss=0.5", SUCCEEDED),
    "nothing but garbage": ("head -c 300000 /dev/urandom", UNAVAILABLE),
    "megabytes without a newline": ("head -c 5000000 /dev/zero | tr '\\0' x; echo; echo loss=0.5", SUCCEEDED),
    "megabytes that never end": ("head -c 5000000 /dev/zero | tr '\\0' =", UNAVAILABLE),
    "no metric": ("echo accuracy=1", UNAVAILABLE),
    "NaN": ("echo loss=nan; echo loss=NaN", UNAVAILABLE),
    "infinity": ("echo loss=inf; echo loss=-Infinity", UNAVAILABLE),
    "a number too large": ("echo loss=1e999", UNAVAILABLE),
    "a full disk": (
        "exec 2>&1; cat /proc/version > /dev/full",
        (TrialState.FAILED, "Error", "No space left on device"),
    ),
    "a file that grows too large": (
        "ulimit -f 8; while :; do echo loss=0.5; done",
        (TrialState.FAILED, "Signaled", "killed by SIGXFSZ, a file grew past its size limit"),
    ),
    "a shell that finds no command": (
        "exec no-such-program",
        (TrialState.FAILED, "Error", "no-such-program: not found"),
    ),
}
MISSING = "a missing command"
FORBIDDEN = "a command that is no program"


def _events() -> dict[str, ExperimentCreated]:
    budget = {"maxFailedTrialCount": 1}
    found = {
        name: a_shell_experiment(script, name=f"bad-{index}", **budget)
        for index, (name, (script, _)) in enumerate(SCRIPTS.items())
    }
    found[MISSING] = a_process_experiment("no-such-program", name="missing", **budget)
    found[FORBIDDEN] = a_process_experiment("/etc/passwd", name="forbidden", **budget)
    return found


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Experiment, Trial]]:
    """Run every bad Worker beside a good one, in one runner."""
    settings, events = quick_settings(tmp_path_factory.mktemp("bad")), _events()

    async def run_all() -> Mapping[str, tuple[Experiment, Trial]]:
        ended = await run(settings, *events.values())
        await clean_up(settings)
        return {name: (experiment, trials[0]) for name, (experiment, trials) in zip(events, ended, strict=True)}

    return asyncio.run(run_all())


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_worker_ends_in_the_state_that_it_earned(outcomes: Mapping[str, tuple[Experiment, Trial]], name: str) -> None:
    _, trial = outcomes[name]
    state, reason, words = SCRIPTS[name][1]

    assert (trial.state, trial.reason, trial.attempt) == (state, reason, 1)
    assert words in trial.message
    assert len(trial.message.splitlines()) <= 1


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_experiment_ends_as_its_only_trial_did(outcomes: Mapping[str, tuple[Experiment, Trial]], name: str) -> None:
    experiment, trial = outcomes[name]

    is_good = trial.state == TrialState.SUCCEEDED
    assert experiment.phase == (Phase.SUCCEEDED if is_good else Phase.FAILED)
    assert experiment.optimal_value == (0.5 if is_good else None)


@pytest.mark.parametrize(("name", "program"), [(MISSING, "no-such-program"), (FORBIDDEN, "/etc/passwd")])
def test_a_command_that_cannot_run_fails_its_trial_and_says_where_it_stands(
    outcomes: Mapping[str, tuple[Experiment, Trial]], name: str, program: str
) -> None:
    _, trial = outcomes[name]

    assert (trial.state, trial.attempt) == (TrialState.FAILED, 1)
    assert trial.reason.startswith("Command")
    assert "spec.trialTemplate.trialSpec.spec.command" in trial.message
    assert program in trial.message


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    """Name a fresh directory, and leave no Worker behind."""
    quick = quick_settings(tmp_path)
    yield quick
    await clean_up(quick)


_UNKNOWN = encode(a_tick()).replace(b"kuttab.clock.ticked.v1", b"kuttab.clock.stopped.v9")
_WRONG = encode(an_edit()).replace(b'"parallelTrialCount":2', b'"parallelTrialCount":"many"')


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"no json", "body: not JSON: "),
        (b"\xff\xfe\x00", "body: not JSON: "),
        (_UNKNOWN, "type: 'kuttab.clock.stopped.v9' is not an event type that this version knows"),
        (_WRONG, "budget.parallelTrialCount: "),
        (encode(an_edit("", id="nobody")), "no Experiment default/digits"),
    ],
    ids=["no JSON", "no text", "unknown type", "wrong type", "unknown Experiment"],
)
async def test_a_bad_event_in_the_inbox_is_kept_with_its_reason_and_disturbs_nothing(
    settings: Settings, body: bytes, reason: str
) -> None:
    inbox, letters = settings.directory / "inbox", settings.directory / "dead-letters"
    _leave(inbox, body)
    event = a_shell_experiment("echo loss=0.5")

    async with EmbeddedRunner(settings) as runner:
        await runner.submit(event)
        (experiment,) = await finish(runner, event.experiment.uid)
        await eventually(lambda: asyncio.sleep(0, not list(inbox.glob("*.msg"))), "the inbox is empty")

    (kept,) = letters.glob("*.body")
    assert experiment.phase == Phase.SUCCEEDED
    assert kept.read_bytes() == body
    assert kept.with_suffix(".reason").read_text().startswith(reason)


def _leave(folder: Path, body: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "1.msg").write_bytes(body)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of two megabytes."""
    directory = tmp_path / "small"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(directory)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield directory
    subprocess.run(["umount", "-l", str(directory)], check=True)


async def test_a_disk_that_is_full_for_a_while_loses_nothing(small_disk: Path, tmp_path: Path) -> None:
    settings = quick_settings(small_disk)
    filler, runs = small_disk / "filler", tmp_path / "runs"
    event = a_shell_experiment(f'echo "$1" >> {runs}; sleep 0.1; echo loss=0.5', trials=6)
    async with EmbeddedRunner(settings) as runner:
        await runner.submit(event)
        await eventually(lambda: asyncio.sleep(0, len(read_lines(runs)) >= 2), "two Workers have begun")
        _fill(filler)
        with pytest.raises(OSError, match="No space left"):
            (settings.directory / "more").write_bytes(bytes(8192))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await runner.wait_until_finished(event.experiment.uid)
        filler.unlink()

        (experiment,) = await finish(runner, event.experiment.uid)
        trials = await runner.reader.all_trials(event.experiment.uid)

    tried = read_lines(runs)
    assert (experiment.phase, experiment.created_count) == (Phase.SUCCEEDED, 6)
    assert sorted(tried) == sorted(trial.assignments[0].value for trial in trials)


def _fill(path: Path) -> None:
    """Write until nothing more fits."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
