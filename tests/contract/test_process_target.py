"""ProcessTarget keeps the contract of targets, and what its own documentation says besides."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from events.objective import Collector, CollectorKind, CollectorSource, FileSystemPath, MetricsCollectorSpec
from events.resource import Manifest
from functions.worker import LaunchRefusedError, WorkerPhase
from infra.target.process import ProcessTarget
from infra.target.processes import find_stat
from tests.contract.process_rig import ProcessRig, a_process, files_of, log_of, processes_of, sh, shim_of
from tests.contract.target_contract import TargetContract, a_worker, read_all, until, until_logged, until_over


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[ProcessRig]:
    rig = ProcessRig(tmp_path)
    yield rig
    for uid, _ in await rig.target.list_workers():
        await rig.target.purge(uid)


class TestProcessTarget(TargetContract):
    """The contract, by processes."""


async def test_a_worker_has_a_session_of_its_own(rig: ProcessRig) -> None:
    worker = a_worker(sh("sleep 60"))

    await rig.target.launch(worker)
    stat = find_stat(shim_of(rig, worker))

    assert stat is not None
    assert stat.session == stat.group == stat.pid != os.getsid(0)


async def test_stop_ends_the_children_too_and_lets_the_program_clean_up(rig: ProcessRig) -> None:
    # The child says that it runs: between fork and exec it still has its parent's trap, and would live on.
    worker = a_worker(sh("trap 'echo saved; exit 0' TERM; sh -c 'echo started; exec sleep 60' & wait"))
    await rig.target.launch(worker)
    await until_logged(rig.target, worker, "started")

    await rig.target.stop(worker)
    state = await until_over(rig.target, worker)

    assert state.phase == WorkerPhase.SUCCEEDED
    assert [line.text for line in await read_all(rig.target, worker)] == ["started", "saved"]
    await until(lambda: asyncio.to_thread(lambda: not processes_of(worker)))


async def test_a_worker_that_writes_nothing_for_too_long_fails(rig: ProcessRig) -> None:
    worker = a_worker(sh("echo epoch 1; sleep 60", heartbeatSeconds=0.3))
    await rig.target.launch(worker)

    state = await until_over(rig.target, worker)

    assert (state.phase, state.reason) == (WorkerPhase.FAILED, "HeartbeatMissed")
    assert state.message == "wrote nothing for 0.3 seconds: epoch 1"


async def test_a_worker_that_writes_now_and_then_is_left_alone(rig: ProcessRig) -> None:
    worker = a_worker(sh("for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.25; done", heartbeatSeconds=1.5))
    await rig.target.launch(worker)

    state = await until_over(rig.target, worker)

    assert state.phase == WorkerPhase.SUCCEEDED


async def test_a_worker_past_its_timeout_fails_even_if_it_ends_well(rig: ProcessRig) -> None:
    worker = a_worker(sh("trap 'exit 0' TERM; echo epoch 1; sleep 60 & wait", timeoutSeconds=0.3))

    await rig.target.launch(worker)
    state = await until_over(rig.target, worker)

    assert (state.phase, state.reason) == (WorkerPhase.FAILED, "DeadlineExceeded")
    assert state.message == "ran longer than its 0.3 seconds: epoch 1"


async def test_a_failure_tells_the_last_words_of_the_log(rig: ProcessRig) -> None:
    worker = a_worker(sh("echo reading; echo 'no such file: data.csv' >&2; echo; exit 3"))

    await rig.target.launch(worker)
    state = await until_over(rig.target, worker)

    assert (state.reason, state.message) == ("Error", "exit code 3: no such file: data.csv")


async def test_a_worker_that_kills_itself_is_signaled(rig: ProcessRig) -> None:
    worker = a_worker(sh("kill -SEGV $$"))

    await rig.target.launch(worker)
    state = await until_over(rig.target, worker)

    assert (state.reason, state.message) == ("Signaled", "killed by SIGSEGV")


async def test_remove_keeps_the_log_and_purge_does_not(rig: ProcessRig) -> None:
    worker = a_worker(sh("echo accuracy=1"))
    await rig.target.launch(worker)
    await until_over(rig.target, worker)
    log = rig.target.log_path(worker.trial.uid, 1)

    await rig.target.remove(worker)
    kept = log.read_text()
    await rig.target.launch(worker)
    after_another_launch = log.read_text()
    await rig.target.purge(worker.trial.uid)

    assert kept == after_another_launch == "accuracy=1\n"
    assert not log.parent.exists()


async def test_what_is_kept_is_known_by_its_experiment_until_it_is_purged(rig: ProcessRig) -> None:
    workers = [a_worker(sh("true")) for _ in range(2)]
    for worker in workers:
        await rig.target.launch(worker)
        await until_over(rig.target, worker)
        await rig.target.remove(worker)

    kept = await rig.target.list_kept()
    await rig.target.purge(workers[0].trial.uid)

    assert kept == {"experiment-uid": {it.trial.uid for it in workers}}
    assert await rig.target.list_kept() == {"experiment-uid": {workers[1].trial.uid}}


async def test_the_file_of_the_collector_is_the_workers_own(rig: ProcessRig) -> None:
    path = "/var/log/katib/mnist.log"
    source = CollectorSource(file_system_path=FileSystemPath(path=path, kind="File", format="TEXT"))
    collector = MetricsCollectorSpec(collector=Collector(kind=CollectorKind.FILE), source=source)
    script = f"echo $1 $OTHER $SAME >> {path}; echo by name >> $KUTTAB_METRICS_FILE; echo on stdout"
    manifest = a_process("sh", "-c", script, "sh", f"--log={path}", env={"OTHER": f"{path}.old", "SAME": path})
    worker = replace(a_worker(manifest), collector=collector)
    mapped = files_of(rig, worker).mapped(path)

    lines = await log_of(rig, worker)

    assert lines == [f"--log={mapped} {path}.old {mapped}", "by name"]
    assert mapped.is_relative_to(rig.directory)


@pytest.mark.parametrize(
    ("manifest", "reason", "words"),
    [
        (
            a_process("no-such-program"),
            "CommandNotFound",
            "spec.trialTemplate.trialSpec.spec.command[0]: 'no-such-program' not found on PATH",
        ),
        (a_process("./no-such-script"), "CommandNotFound", "there is no file"),
        (a_process("./text"), "CommandNotExecutable", "is not executable"),
        (a_process("true", workingDir="nowhere"), "NoWorkingDirectory", "there is no directory"),
        (a_process(), "NoCommand", "must be specified"),
        (a_process("true", "a\0b"), "InvalidCommand", "null byte"),
        (a_process("true", "x" * 200_000), "ArgumentListTooLong", "too long"),
        ({"apiVersion": "batch/v1", "kind": "Job", "spec": {}}, "NoPrimaryContainer", "no container 'training'"),
    ],
)
async def test_what_can_never_run_is_refused_and_says_where(
    rig: ProcessRig, manifest: Manifest, reason: str, words: str
) -> None:
    (rig.directory / "text").write_text("no program")
    worker = a_worker(manifest)

    with pytest.raises(LaunchRefusedError) as refused:
        await rig.target.launch(worker)

    assert refused.value.reason == reason
    assert words in refused.value.message
    assert (await rig.target.look(worker)).phase == WorkerPhase.MISSING


async def test_a_job_runs_its_primary_container_here(rig: ProcessRig) -> None:
    containers = [
        {"name": "sidecar", "command": ["false"]},
        {
            "name": "training",
            "image": "example.test/image",
            "command": ["sh", "-c"],
            "args": ["echo $NUMBER in $PWD"],
            "env": [{"name": "NUMBER", "value": "5"}, {"name": "HOST", "valueFrom": {"fieldRef": {}}}],
            "workingDir": "/only/in/the/image",
        },
    ]
    template = {"spec": {"containers": containers}}
    manifest: Manifest = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": template}}  # type: ignore[dict-item]

    lines = await log_of(rig, a_worker(manifest))

    assert lines == [f"5 in {rig.directory}"]


async def test_a_worker_has_the_users_environment_and_its_own_identity(tmp_path: Path) -> None:
    root, other = Path(__file__).parents[2], "/opt/other"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/home/me",
        "KUTTAB_SLOTS": "3",
        "PYTHONPATH": f"{root}:{other}",
        "VIRTUAL_ENV": sys.prefix,
    }
    rig = ProcessRig(tmp_path)
    rig.target = ProcessTarget(tmp_path, environment=environment)
    worker = a_worker(sh("env; command -v python3", env=[{"name": "GIVEN", "value": "a b"}, {"name": "N", "value": 1}]))

    lines = await log_of(rig, worker)

    given = dict(line.split("=", 1) for line in lines if "=" in line)
    assert given["HOME"] == "/home/me"
    assert given["PYTHONPATH"] == other
    assert (given["GIVEN"], given["N"]) == ("a b", "1")
    assert {"KUTTAB_SLOTS", "VIRTUAL_ENV"}.isdisjoint(given)
    assert given["KATIB_TRIAL_NAME"] == given["KUTTAB_TRIAL_NAME"] == worker.trial.name
    assert (given["KUTTAB_TRIAL_UID"], given["KUTTAB_ATTEMPT"]) == (worker.trial.uid, "1")
    assert (given["KUTTAB_EXPERIMENT"], given["KUTTAB_NAMESPACE"]) == ("digits", "labs")
    assert given["PYTHONUNBUFFERED"] == "1"
    assert lines[-1] == str(Path(sys.executable).parent / "python3")


async def test_other_files_in_the_directory_are_nobodys_workers(rig: ProcessRig) -> None:
    (rig.directory / "notes.txt").touch()
    (rig.directory / "not-a-worker").mkdir()

    assert await rig.target.list_workers() == ()


async def test_a_uid_cannot_lead_out_of_the_directory(rig: ProcessRig) -> None:
    with pytest.raises(ValueError, match="no uid"):
        await rig.target.look(a_worker(sh("true"), uid="../elsewhere"))
