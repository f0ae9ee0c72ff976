"""Process Workers of a population go on where their parents stood."""

from dataclasses import replace
from pathlib import Path

import pytest

from functions.trial.lineage import Lineage
from functions.worker import Worker
from infra.target.checkpoints import Checkpoint, checkpoint_path, find_checkpoint
from infra.target.worker_files import WorkerFiles
from tests.contract.process_rig import ProcessRig, log_of, sh
from tests.contract.target_contract import a_worker

PLACE = "/opt/kuttab/checkpoints"
TRAIN = f"cat {PLACE}/steps 2>/dev/null; echo step >> {PLACE}/steps; echo trained"


def a_member(*, parent: Worker | None = None, parent_uid: str = "", script: str = TRAIN) -> Worker:
    uid = parent.trial.uid if parent else parent_uid
    name = parent.trial.name if parent else "digits-gone" if parent_uid else ""
    lineage = Lineage("1" if uid else "0", parent_name=name, parent_uid=uid, directory=PLACE)
    return replace(a_worker(sh(script)), lineage=lineage)


@pytest.mark.slow
async def test_a_child_begins_with_a_copy_of_its_parents_checkpoint(tmp_path: Path) -> None:
    rig = ProcessRig(tmp_path)
    parent = a_member()
    children = [a_member(parent=parent), a_member(parent=parent)]

    logs = [await log_of(rig, worker) for worker in (parent, *children)]

    assert logs == [["trained"], ["step", "trained"], ["step", "trained"]]
    assert (checkpoint_path(tmp_path, parent.trial.uid) / "steps").read_text() == "step\n"
    assert (checkpoint_path(tmp_path, children[0].trial.uid) / "steps").read_text() == "step\nstep\n"


@pytest.mark.slow
async def test_the_next_attempt_goes_on_where_the_last_one_stood(tmp_path: Path) -> None:
    rig = ProcessRig(tmp_path)
    first = a_member()

    await log_of(rig, first)
    log = await log_of(rig, replace(first, attempt=2))

    assert log == ["step", "trained"]


@pytest.mark.slow
async def test_a_parent_of_another_host_is_told_of_and_done_without(tmp_path: Path) -> None:
    log = await log_of(ProcessRig(tmp_path), a_member(parent_uid="elsewhere"))

    assert log[0].startswith("kuttab: no checkpoint of parent digits-gone on this host")
    assert log[-1] == "trained"


@pytest.mark.slow
async def test_purging_a_trial_deletes_its_checkpoint(tmp_path: Path) -> None:
    rig = ProcessRig(tmp_path)
    worker = a_member()
    await log_of(rig, worker)

    await rig.target.purge(worker.trial.uid)

    assert not checkpoint_path(tmp_path, worker.trial.uid).exists()


def test_the_copy_of_a_launch_that_came_first_stays(tmp_path: Path) -> None:
    worker = a_member()
    checkpoint = find_checkpoint(worker, tmp_path)
    assert isinstance(checkpoint, Checkpoint)
    draft = tmp_path / "draft"
    draft.mkdir()
    checkpoint.path.mkdir()
    (checkpoint.path / "steps").write_text("of the first")

    checkpoint._publish(draft)
    checkpoint.prepare(WorkerFiles(tmp_path / "w"))

    assert (checkpoint.path / "steps").read_text() == "of the first"
    assert not draft.exists()
