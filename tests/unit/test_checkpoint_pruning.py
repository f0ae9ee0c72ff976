"""Checkpoints of old generations are deleted, and never one that a Trial may still begin from."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.reference import ExperimentRef, TrialRef
from functions.trial.lineage import Lineage
from functions.worker import Worker
from infra.target.checkpoints import checkpoint_path, find_checkpoint
from infra.target.worker_files import WorkerFiles

SIZE = 3


def a_member(generation: int, place: int, *, parent: int | None = None, family: str = "", best: str = "") -> Worker:
    uid = uid_of(generation, place, family)
    above = uid_of(generation - 1, place if parent is None else parent, family) if generation else ""
    return Worker(
        experiment=ExperimentRef(namespace="labs", name="digits", uid="experiment-uid"),
        trial=TrialRef(name=f"digits-{uid}", uid=uid, number=1 + generation * SIZE + place),
        attempt=1,
        manifest={},
        lineage=Lineage(
            str(generation),
            parent_name=f"digits-{above}" if above else "",
            parent_uid=above,
            family=family,
            best_name=f"digits-{best}" if best else "",
        ),
    )


def uid_of(generation: int, place: int, family: str = "") -> str:
    return f"{family}g{generation}p{place}"


def launch(worker: Worker, directory: Path) -> str:
    """Do what a launch does, and the Worker; return the checkpoint that it began from."""
    files = WorkerFiles(directory / f"{worker.trial.uid}-{worker.attempt}")
    files.directory.mkdir(exist_ok=True)
    checkpoint = find_checkpoint(worker, directory)
    assert checkpoint is not None
    checkpoint.prepare(files)
    chain = checkpoint.path / "chain"
    begun = chain.read_text() if chain.exists() else ""
    chain.write_text(f"{begun}{worker.trial.uid}/{worker.attempt} ")
    return begun


def left(directory: Path) -> set[str]:
    """Return whose checkpoints there are; beside each stands where it comes from, and nothing else is there."""
    found = {path.name.removesuffix("-checkpoint") for path in directory.glob("*-checkpoint")}
    assert {path.name.removesuffix("-checkpoint.json") for path in directory.glob("*.json")} == found
    return found


def test_two_generations_are_kept_and_the_best_trials_checkpoint(tmp_path: Path) -> None:
    for generation in range(5):
        for place in range(SIZE):
            launch(a_member(generation, place, best=uid_of(0, 1)), tmp_path)

    assert left(tmp_path) == {uid_of(0, 1), *(uid_of(it, place) for it in (3, 4) for place in range(SIZE))}

    launch(a_member(5, 0, best=uid_of(4, 2)), tmp_path)

    assert left(tmp_path) == {uid_of(5, 0), *(uid_of(4, place) for place in range(SIZE))}


def test_other_families_and_other_experiments_keep_theirs(tmp_path: Path) -> None:
    other = a_member(0, 9)
    launch(replace(other, experiment=replace_uid(other.experiment, "another")), tmp_path)
    launch(a_member(0, 0, family="1"), tmp_path)
    for generation in range(4):
        launch(a_member(generation, 0, family="2"), tmp_path)

    assert left(tmp_path) == {uid_of(0, 9), "1g0p0", "2g2p0", "2g3p0"}


def replace_uid(experiment: ExperimentRef, uid: str) -> ExperimentRef:
    return experiment.model_copy(update={"uid": uid})


def test_what_a_crash_or_a_full_disk_left_is_deleted_at_the_next_launch(tmp_path: Path) -> None:
    for generation in range(2):
        launch(a_member(generation, 0), tmp_path)
    (tmp_path / "torn-checkpoint.json").write_text('{"experiment": "exp')
    gone = checkpoint_path(tmp_path, uid_of(0, 0))
    (gone / "chain").unlink()
    gone.rmdir()

    launch(a_member(2, 0), tmp_path)

    assert sorted(path.name for path in tmp_path.glob("*-checkpoint.json")) == [
        "g1p0-checkpoint.json",
        "g2p0-checkpoint.json",
        "torn-checkpoint.json",
    ]


@dataclass
class History:
    """A population in which Workers are lost and tried again, launches cut off and repeated, in any order."""

    data: st.DataObject
    directory: Path
    attempts: dict[str, int] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)

    def run(self, generations: int) -> None:
        for generation in range(generations):
            parents = [self.data.draw(st.integers(0, SIZE - 1)) for _ in range(SIZE)]
            waiting = list(range(SIZE))
            while waiting:
                place = self.data.draw(st.sampled_from(waiting))
                self.launch(a_member(generation, place, parent=parents[place]))
                is_lost = self.data.draw(st.booleans())  # or the launch is made again
                if not is_lost:
                    waiting.remove(place)
                assert len(left(self.directory)) <= 2 * SIZE

    def launch(self, worker: Worker) -> None:
        uid = worker.trial.uid
        attempt = self.attempts.setdefault(uid, 0) + 1
        self.attempts[uid] = attempt
        if self.data.draw(st.booleans()):  # a launch before was cut off while it copied
            draft = self.directory / f"{uid}-checkpoint.1.tmp"
            draft.mkdir(exist_ok=True)
        begun = launch(replace(worker, attempt=attempt), self.directory)
        assert worker.lineage is not None
        parent = worker.lineage.parent_uid
        expected = self.begun.get(uid)
        if expected is None and parent:
            expected = (checkpoint_path(self.directory, parent) / "chain").read_text()
        assert begun == (expected or "")
        self.begun[uid] = f"{begun}{uid}/{attempt} "


@pytest.mark.parametrize("generations", [4])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_trial_lacks_what_it_begins_from_whatever_is_tried_again(generations: int, data: st.DataObject) -> None:
    with TemporaryDirectory() as directory:
        History(data, Path(directory)).run(generations)
