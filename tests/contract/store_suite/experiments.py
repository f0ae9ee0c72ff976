"""Experiments, their searches and tombstones."""

from datetime import timedelta
from pathlib import Path

import pytest

from events.experiment import FrontTrial, OptimalTrial
from events.observation import Metric, Observation
from events.search_space import ParameterAssignment
from functions.experiment.model import EndReason, Phase
from functions.experiment.newcomer import read_newcomer
from functions.experiment.view import to_resource
from functions.ports import Stores
from local_runner.checking import check
from local_runner.documents import load_documents
from tests.builders import EPOCH, UID, a_reference, a_suggestion, a_trial, an_experiment
from tests.contract.store_suite.transactions import add_experiment

FILES = sorted((Path(__file__).parents[2] / "data" / "experiments").glob("*.yaml"))


class ExperimentContract:
    """Mixed into a test class; `stores` is the adapter."""

    async def test_an_experiment_comes_back_as_it_was(self, stores: Stores) -> None:
        experiment = an_experiment(maxFailedTrialCount=1, objective={"type": "maximize", "objectiveMetricName": "é ☃"})
        experiment.labels, experiment.annotations, experiment.generate_name = {"a": "1"}, {"b": "ü"}, "dig"
        experiment.target, experiment.notified = "process", {"https://example.org": 2}
        experiment.optimal_value = 0.1 + 0.2
        experiment.optimal = OptimalTrial(
            best_trial_name="t",
            parameter_assignments=(ParameterAssignment(name="x", value="1e-3"),),
            observation=Observation(metrics=(Metric(name="é ☃", latest="0.3"),)),
        )
        experiment.feasible_count = 3
        experiment.front = (FrontTrial(trial_name="t", observation=experiment.optimal.observation),)
        experiment.end(EndReason.GOAL, at=EPOCH + timedelta(microseconds=123_456))
        before = _fields(experiment)
        async with stores.begin() as store:
            assert await store.add_experiment(experiment, a_suggestion())

        async with stores.begin() as store:
            found = await store.experiment(a_reference())

        assert found is not None
        assert _fields(found) == before

    @pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
    async def test_what_a_file_says_is_printed_as_it_was_admitted(self, stores: Stores, path: Path) -> None:
        (submission,) = check(load_documents(str(path)), namespace=None, target=None)
        newcomer = read_newcomer(submission.event, at=EPOCH)
        admitted = to_resource(newcomer.experiment, {}).to_manifest()
        async with stores.begin() as store:
            assert await store.add_experiment(newcomer.experiment, newcomer.suggestion)

        async with stores.begin() as store:
            found = await store.experiment(submission.ref)

        assert found is not None
        assert to_resource(found, {}).to_manifest() == admitted

    async def test_a_taken_uid_or_live_name_inserts_nothing(self, stores: Stores) -> None:
        await add_experiment(stores)
        for uid, name in ((UID, "other"), ("uid-other", "digits")):
            async with stores.begin() as store:
                assert not await store.add_experiment(an_experiment(uid, name=name), a_suggestion(uid))
                assert await store.suggestion("uid-other") is None

        async with stores.begin() as store:
            found = await store.experiment(a_reference())
        assert found is not None
        assert found.name == "digits"

    async def test_a_refused_insert_leaves_the_transaction_usable(self, stores: Stores) -> None:
        await add_experiment(stores)

        async with stores.begin() as store:
            await store.add_experiment(an_experiment(), a_suggestion())
            await store.add_tombstone("uid-other")

        async with stores.begin() as store:
            assert await store.has_tombstone("uid-other")

    async def test_names_are_told_apart_by_case_and_namespace(self, stores: Stores) -> None:
        for uid, name in (("a", "digits"), ("b", "Digits")):
            experiment = an_experiment(uid)
            experiment.name, experiment.live_name = name, f"default/{name}"
            async with stores.begin() as store:
                assert await store.add_experiment(experiment, a_suggestion(uid))

        async with stores.begin() as store:
            found = await store.experiment(a_reference("", name="Digits"))
        assert found is not None
        assert found.uid == "b"

    async def test_a_name_means_the_live_experiment_and_a_uid_any(self, stores: Stores) -> None:
        await add_experiment(stores)
        async with stores.begin() as store:
            old = await store.experiment(a_reference(), lock=True)
            assert old is not None
            old.delete(at=EPOCH)
        by_name_before = await _uid_of(stores, "")
        await add_experiment(stores, "uid-new")

        assert by_name_before is None
        assert await _uid_of(stores, "") == "uid-new"
        assert await _uid_of(stores, UID) == UID

    async def test_a_search_comes_back_as_it_was(self, stores: Stores) -> None:
        suggestion = a_suggestion()
        suggestion.claim("event-1", at=EPOCH, seconds=60)
        suggestion.note_search(count=2, state={"next": 7, "nested": [1.5, None, "ü"]})
        suggestion.note_failure("x" * 10_000)
        before = {**_fields(suggestion)}
        async with stores.begin() as store:
            await store.add_experiment(an_experiment(), suggestion)

        async with stores.begin() as store:
            found = await store.suggestion(UID, lock=True)

        assert found is not None
        kept = {name: value for name, value in _fields(found).items() if name not in {"due_at", "nudges"}}
        assert kept == {name: before[name] for name in kept}

    async def test_a_tombstone_is_remembered_and_a_second_one_is_harmless(self, stores: Stores) -> None:
        for _ in range(2):
            async with stores.begin() as store:
                await store.add_tombstone(UID)

        async with stores.begin() as store:
            assert await store.has_tombstone(UID)
            assert not await store.has_tombstone("uid-other")

    async def test_old_tombstones_are_forgotten_a_page_at_a_time(self, stores: Stores) -> None:
        async with stores.begin() as store:
            for index in range(5):
                await store.add_tombstone(f"uid-{index}")

        async with stores.begin() as store:
            await store.delete_tombstones(3600, 10)
            assert await store.has_tombstone("uid-0")
            await store.delete_tombstones(-3600, 3)
            left = [await store.has_tombstone(f"uid-{index}") for index in range(5)]

        assert left.count(True) == 2

    async def test_rows_are_deleted_in_pages_the_experiment_last(self, stores: Stores) -> None:
        experiment = await add_experiment(stores)
        async with stores.begin() as store:
            await store.add_trials([a_trial(experiment, number) for number in range(1, 6)])
        steps = []
        for _ in range(4):
            async with stores.begin() as store:
                more = await store.delete_page(UID, 2)
                left = await store.unremoved_trials(UID, 10)
                steps.append((more, len(left), await store.experiment(a_reference()) is not None))

        assert steps == [(True, 3, True), (True, 1, True), (True, 0, True), (False, 0, False)]
        async with stores.begin() as store:
            assert await store.suggestion(UID) is None

    async def test_due_experiments_come_by_their_time_in_bounded_pages(self, stores: Stores) -> None:
        for index, late_seconds in enumerate((30, 10, 20, -3600)):
            experiment = an_experiment(f"uid-{index}", name=f"e-{index}")
            async with stores.begin() as store:
                experiment.due_at = await store.now() - timedelta(seconds=late_seconds)
                await store.add_experiment(experiment, a_suggestion(experiment.uid))
        await add_experiment(stores)

        async with stores.begin() as store:
            page = [experiment.uid for experiment in await store.due_experiments(2)]
            every = [experiment.uid for experiment in await store.due_experiments(10)]
            named = await store.experiments_of(["uid-3", "uid-1", "uid-unknown"])

        assert page == ["uid-0", "uid-2"]
        assert every == ["uid-0", "uid-2", "uid-1"]
        assert named.keys() == {"uid-1", "uid-3"}

    async def test_phases_come_back_as_phases(self, stores: Stores) -> None:
        experiment = an_experiment()
        experiment.end(EndReason.STOPPED, at=EPOCH)
        async with stores.begin() as store:
            await store.add_experiment(experiment, a_suggestion())

        async with stores.begin() as store:
            found = await store.experiment(a_reference())
        assert found is not None
        assert (found.phase, found.is_stopped, found.is_completed) == (Phase.FAILED, True, True)


def _fields(row: object) -> dict[str, object]:
    return {name: value for name, value in vars(row).items() if not name.startswith("_")}


async def _uid_of(stores: Stores, uid: str) -> str | None:
    async with stores.begin() as store:
        found = await store.experiment(a_reference(uid))
    return found.uid if found else None
