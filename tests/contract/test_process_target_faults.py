"""What happens to runners, disks and processes is no harm to a ProcessTarget and its Workers."""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from functions.worker import WorkerPhase
from infra.target.process import ProcessTarget
from infra.target.process_start import start
from infra.target.processes import find_stat
from infra.target.worker_environment import PushAccess
from tests.contract.process_rig import ProcessRig, files_of, processes_of, sh, shim_of
from tests.contract.target_contract import a_worker, read_all, until, until_logged, until_over, waiting


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[ProcessRig]:
    rig = ProcessRig(tmp_path)
    yield rig
    for uid, _ in await rig.target.list_workers():
        await rig.target.purge(uid)


async def test_a_new_runner_adopts_the_worker_of_one_that_was_killed(rig: ProcessRig) -> None:
    go = rig.directory / "go"
    worker = a_worker(sh(f"echo started; {waiting(0, go)}; echo loss=0.5; exit 4"))
    launch = (
        "import asyncio, os, pathlib, pickle, sys\n"
        "from infra.target.process import ProcessTarget\n"
        "worker = pickle.load(sys.stdin.buffer)\n"
        "asyncio.run(ProcessTarget(pathlib.Path(sys.argv[1])).launch(worker))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", launch, str(rig.directory)]
    killed = await asyncio.to_thread(subprocess.run, command, input=pickle.dumps(worker), cwd=root, check=False)
    alive = await rig.target.list_workers()
    go.touch()
    state = await until_over(rig.target, worker)

    assert killed.returncode == -signal.SIGKILL
    assert alive == ((worker.trial.uid, 1),)
    assert (state.phase, state.exit_code) == (WorkerPhase.FAILED, 4)
    assert [line.text for line in await read_all(rig.target, worker)] == ["started", "loss=0.5"]


async def test_two_runners_start_an_attempt_once(rig: ProcessRig) -> None:
    others = [ProcessTarget(rig.directory, working_directory=rig.directory) for _ in range(4)]
    worker = a_worker(sh("echo once >> runs; sleep 0.1"))

    await asyncio.gather(*(target.launch(worker) for target in [rig.target, *others]))
    await until_over(rig.target, worker)

    assert (rig.directory / "runs").read_text() == "once\n"


async def test_a_worker_that_ignores_the_stop_is_killed_by_whichever_runner_looks(rig: ProcessRig) -> None:
    worker = a_worker(sh("trap '' TERM; echo started; sleep 60; sleep 60", stopGraceSeconds=0.2))
    await rig.target.launch(worker)
    await until_logged(rig.target, worker, "started")

    await rig.target.stop(worker)
    at_first = await rig.target.look(worker)
    state = await until_over(ProcessTarget(rig.directory), worker)

    assert at_first.phase == WorkerPhase.RUNNING
    assert (state.phase, state.reason, state.exit_code) == (WorkerPhase.FAILED, "Signaled", 128 + signal.SIGKILL)
    assert processes_of(worker) == []


async def test_a_killed_shim_takes_its_program_along_and_the_worker_is_lost(rig: ProcessRig) -> None:
    worker = a_worker(sh("echo started; sleep 60"))
    await rig.target.launch(worker)
    await until_logged(rig.target, worker, "started")

    os.kill(shim_of(rig, worker), signal.SIGKILL)
    await until(lambda: asyncio.to_thread(lambda: shim_of(rig, worker) not in processes_of(worker)))
    orphaned = await rig.target.list_workers()
    state = await rig.target.look(worker)

    assert orphaned == ((worker.trial.uid, 1),)
    assert (state.phase, state.reason) == (WorkerPhase.MISSING, "WorkerLost")
    assert processes_of(worker) == []
    assert await rig.target.list_workers() == ()


async def test_a_worker_of_an_earlier_boot_is_lost_and_no_stranger_is_signalled(rig: ProcessRig) -> None:
    worker = a_worker(sh("sleep 60"))
    await rig.target.launch(worker)
    pid = shim_of(rig, worker)
    identity = files_of(rig, worker).directory / "identity"
    identity.write_text(" ".join([*identity.read_text().split()[:2], "another-boot"]))

    state = await rig.target.look(worker)
    await rig.target.stop(worker)
    await rig.target.remove(worker)

    assert (state.phase, state.reason) == (WorkerPhase.MISSING, "WorkerLost")
    assert find_stat(pid) is not None
    os.killpg(pid, signal.SIGKILL)


async def test_a_reused_pid_is_never_signalled(rig: ProcessRig) -> None:
    stranger = await asyncio.create_subprocess_exec("sleep", "60", start_new_session=True)
    worker = a_worker(sh("sleep 60", stopGraceSeconds=0))
    await rig.target.launch(worker)
    os.killpg(shim_of(rig, worker), signal.SIGKILL)
    identity = files_of(rig, worker).directory / "identity"
    _, start_ticks, boot = identity.read_text().split()
    identity.write_text(f"{stranger.pid} {int(start_ticks) - 1000} {boot}")

    await rig.target.stop(worker)
    state = await rig.target.look(worker)
    await rig.target.remove(worker)

    assert state.phase != WorkerPhase.RUNNING
    assert stranger.returncode is None
    assert (find_stat(stranger.pid) or pytest.fail("the stranger is gone")).state == "S"
    stranger.kill()
    await stranger.wait()


async def test_remove_kills_what_has_left_the_session(rig: ProcessRig) -> None:
    worker = a_worker(sh("setsid sleep 60 & echo started; sleep 60"))
    await rig.target.launch(worker)
    await until_logged(rig.target, worker, "started")

    await rig.target.remove(worker)

    assert processes_of(worker) == []


async def test_a_launch_that_a_removal_overtakes_starts_nothing_and_returns(rig: ProcessRig) -> None:
    worker = a_worker(sh("touch runs"))
    files = files_of(rig, worker)
    files.prepare(worker.manifest, owner=worker.experiment.uid)
    await rig.target.remove(worker)

    async with asyncio.timeout(5):
        place = {"working_directory": rig.directory, "environment": os.environ, "push": PushAccess()}
        await asyncio.to_thread(start, worker, files, **place)
    state = await rig.target.look(worker)

    assert state.phase == WorkerPhase.MISSING
    assert not (rig.directory / "runs").exists()


async def test_an_ended_shim_leaves_no_zombie(rig: ProcessRig) -> None:
    worker = a_worker(sh("true"))
    await rig.target.launch(worker)
    pid = shim_of(rig, worker)

    await until_over(rig.target, worker)

    async def is_gone() -> bool:
        await rig.target.look(worker)
        return find_stat(pid) is None

    await until(is_gone)


async def test_a_worker_that_outgrows_its_file_limit_fails_alone(rig: ProcessRig) -> None:
    greedy = a_worker(sh("ulimit -f 8; while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done"))
    neighbour = a_worker(sh("sleep 0.3; echo fine"))

    for worker in (greedy, neighbour):
        await rig.target.launch(worker)
    failed = await until_over(rig.target, greedy)
    other = await until_over(rig.target, neighbour)

    assert (failed.phase, failed.reason) == (WorkerPhase.FAILED, "Signaled")
    assert failed.message.startswith("killed by SIGXFSZ, a file grew past its size limit")
    assert other.phase == WorkerPhase.SUCCEEDED


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "small"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(directory)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield directory
    subprocess.run(["umount", "-l", str(directory)], check=True)


async def test_a_full_disk_does_not_hide_how_a_worker_ended(small_disk: Path) -> None:
    target = ProcessTarget(small_disk, working_directory=small_disk)
    first = a_worker(sh("echo loss=1; dd if=/dev/zero of=big bs=64k count=16 || exit 7"))
    second = a_worker(sh("true"))

    await target.launch(first)
    state = await until_over(target, first)
    with pytest.raises(OSError, match="No space left"):
        await target.launch(second)
    (small_disk / "big").unlink()
    await target.launch(second)
    recovered = await until_over(target, second)

    assert (state.phase, state.exit_code) == (WorkerPhase.FAILED, 7)
    assert recovered.phase == WorkerPhase.SUCCEEDED


async def test_a_program_that_cannot_write_says_so(rig: ProcessRig) -> None:
    worker = a_worker(sh("echo loss=1; exec 2>&1; cat /proc/self/stat > /dev/full"))

    await rig.target.launch(worker)
    state = await until_over(rig.target, worker)

    assert state.phase == WorkerPhase.FAILED
    assert "No space left on device" in state.message
