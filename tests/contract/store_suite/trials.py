"""Trials and the points of their logs."""

from datetime import timedelta

import pytest

from events.objective import EarlyStoppingRule
from events.observation import MetricPoint
from events.search_space import ParameterAssignment
from events.trial import FailureClass, TargetKind
from functions.experiment.model import Experiment
from functions.observation.early_stopping.progress import Progress
from functions.ports import FinishedTrial, PendingTrial, Stores
from functions.suggestion.history import pack_row
from functions.trial.model import StopReason, Trial, TrialState
from tests.builders import EPOCH, UID, a_failed_attempt, a_finished_trial, a_range, a_trial
from tests.contract.store_suite.transactions import add_experiment


async def _add(stores: Stores, *trials: Trial) -> None:
    async with stores.begin() as store:
        await store.add_trials(trials)


async def _find(stores: Stores, number: int = 1) -> Trial:
    async with stores.begin() as store:
        found = await store.trial(UID, number)
    assert found is not None
    return found


def _fields(row: object) -> dict[str, object]:
    return {name: value for name, value in vars(row).items() if not name.startswith("_")}


@pytest.fixture
async def experiment(stores: Stores) -> Experiment:
    """Return an Experiment that the store has."""
    return await add_experiment(stores)


class TrialContract:
    """Mixed into a test class; `stores` is the adapter."""

    async def test_a_trial_comes_back_as_it_was(self, stores: Stores, experiment: Experiment) -> None:
        trial = a_trial(
            experiment,
            assignments=(ParameterAssignment(name="x", value="1e-3"), ParameterAssignment(name="é", value="☃")),
            labels={"a": "1"},
            runner_selector={"gpu": "yes"},
            rules=(EarlyStoppingRule(name="loss", value="0.3", comparison="less", start_step=2),),
            vector=pack_row((0.1, 2.0)),
            message="long " * 5_000,
            cursor=2**40,
            value=0.1 + 0.2,
            progress=Progress(step=3, rung=1, recent=(0.1 + 0.2, None), low=1e-300),
            stop_reason=StopReason.KILLED,
            failure=FailureClass.TIMEOUT,
            retry_at=EPOCH,
            started_at=EPOCH + timedelta(microseconds=1),
        )
        trial.attempts = (a_failed_attempt(trial, message="gone ☃"), a_failed_attempt(trial, attempt=2))
        trial.leftover = (1, 2)
        trial.fold = trial.fold.add(a_range(0.5, "nan", 0.25).points)
        trial.settle_for(a_finished_trial(trial, 0.5, log_source=""), until=EPOCH)
        before = _fields(trial)

        await _add(stores, trial)

        assert _fields(await _find(stores)) == before

    @pytest.mark.parametrize("value", [None, 0.0, -1.5, 1.7976931348623157e308, 5e-324])
    async def test_an_objective_comes_back_to_the_last_bit(
        self, stores: Stores, experiment: Experiment, value: float | None
    ) -> None:
        await _add(stores, a_trial(experiment, value=value))

        assert (await _find(stores)).value == value

    async def test_an_unknown_trial_is_none(self, stores: Stores, experiment: Experiment) -> None:
        async with stores.begin() as store:
            assert await store.trial(UID, 1) is None
            assert await store.trial(UID, 1, lock=True) is None

    async def test_active_trials_come_by_number(self, stores: Stores, experiment: Experiment) -> None:
        states = list(TrialState)
        await _add(stores, *(a_trial(experiment, 9 - index, state=state) for index, state in enumerate(states)))

        async with stores.begin() as store:
            plain = [trial.number for trial in await store.active_trials(UID)]
        async with stores.begin() as store:
            locked = [trial.number for trial in await store.active_trials(UID, lock=True)]

        assert plain == locked == [6, 7, 8, 9]

    async def test_trials_are_found_by_their_cause(self, stores: Stores, experiment: Experiment) -> None:
        causes = ["b", "a", "b"]
        await _add(stores, *(a_trial(experiment, 1 + index, caused_by=cause) for index, cause in enumerate(causes)))

        async with stores.begin() as store:
            assert [trial.number for trial in await store.trials_caused_by(UID, "b")] == [1, 3]
            assert await store.trials_caused_by("uid-other", "b") == []

    async def test_finished_trials_come_in_the_order_of_their_finish(
        self, stores: Stores, experiment: Experiment
    ) -> None:
        await _add(
            stores,
            *(
                a_trial(experiment, number, seq=seq, value=value, vector=pack_row((float(number),)))
                for number, seq, value in ((1, 3, 0.3), (2, None, None), (3, 1, 0.1), (4, 2, None))
            ),
        )

        async with stores.begin() as store:
            every = await store.finished_since(UID, 0)
            newer = await store.finished_since(UID, 2)

        assert [(it.seq, it.value) for it in every] == [(1, 0.1), (2, None), (3, 0.3)]
        assert [(it.seq, it.vector) for it in newer] == [(3, pack_row((1.0,)))]

    async def test_the_search_learns_number_state_and_labels(self, stores: Stores, experiment: Experiment) -> None:
        labels, pending_labels = {"generation": "3", "é": "☃"}, {"generation": "4"}
        ended = {"seq": 1, "state": TrialState.FAILED, "labels": labels, "vector": b"1", "measures": b"2"}
        await _add(stores, a_trial(experiment, 7, **ended), a_trial(experiment, 8, labels=pending_labels, vector=b"2"))

        async with stores.begin() as store:
            (finished,) = await store.finished_since(UID, 0)
            (pending,) = await store.pending_trials(UID)

        assert finished == FinishedTrial(1, b"1", None, 7, TrialState.FAILED, labels, b"2")
        assert pending == PendingTrial(8, b"2", pending_labels)

    async def test_the_newest_trials_say_how_long_they_took(self, stores: Stores, experiment: Experiment) -> None:
        for number, seconds in ((1, 5), (2, 2.5), (3, 9)):
            times = {"started_at": EPOCH, "completed_at": EPOCH + timedelta(seconds=seconds), "seq": 4 - number}
            await _add(stores, a_trial(experiment, number, **times))
        await _add(stores, a_trial(experiment, 4, seq=9, completed_at=EPOCH), a_trial(experiment, 5, started_at=EPOCH))

        async with stores.begin() as store:
            assert await store.evaluation_seconds(UID, 3) == [5.0, 2.5]

    async def test_points_come_back_by_position(self, stores: Stores, experiment: Experiment) -> None:
        trial = a_trial(experiment)
        points = (
            MetricPoint(position=20, name="loss", value="0.1", time=EPOCH + timedelta(microseconds=7)),
            MetricPoint(position=3, name="é", value="☃ " * 2_000),
            MetricPoint(position=3, name="Loss", value="1"),
            MetricPoint(position=3, name="loss", value="nan"),
        )
        async with stores.begin() as store:
            await store.add_points(trial, a_range(end=30).replace(points=points))

        async with stores.begin() as store:
            found = await store.points(trial.uid, "log")

        assert set(found) == set(points)
        assert [point.position for point in found] == [3, 3, 3, 20]

    async def test_points_that_are_there_stay_as_they_are(self, stores: Stores, experiment: Experiment) -> None:
        trial = a_trial(experiment)
        for values in ((0.5, 0.4), (9, 8, 0.3)):
            async with stores.begin() as store:
                await store.add_points(trial, a_range(*values))

        async with stores.begin() as store:
            found = await store.points(trial.uid, "log")
        assert [point.value for point in found] == ["0.5", "0.4", "0.3"]

    async def test_sources_are_kept_apart(self, stores: Stores, experiment: Experiment) -> None:
        trial = a_trial(experiment)
        async with stores.begin() as store:
            await store.add_points(trial, a_range(1, source="a"))
            await store.add_points(trial, a_range(2, source="A"))

        async with stores.begin() as store:
            found = [[point.value for point in await store.points(trial.uid, source)] for source in "aA"]
        assert found == [["1"], ["2"]]

    async def test_many_points_are_stored_at_once(self, stores: Stores, experiment: Experiment) -> None:
        trial = a_trial(experiment)
        async with stores.begin() as store:
            await store.add_points(trial, a_range(*range(1_000)))

        async with stores.begin() as store:
            found = await store.points(trial.uid, "log")
        assert [point.value for point in found] == [str(value) for value in range(1_000)]

    async def test_no_points_are_no_statement(self, stores: Stores, experiment: Experiment) -> None:
        trial = a_trial(experiment)
        async with stores.begin() as store:
            await store.add_points(trial, a_range(end=10))
            assert await store.points(trial.uid, "log") == []

    async def test_unremoved_trials_come_in_bounded_pages(self, stores: Stores, experiment: Experiment) -> None:
        removed = {2: EPOCH}
        await _add(stores, *(a_trial(experiment, number, removed_at=removed.get(number)) for number in range(1, 5)))

        async with stores.begin() as store:
            assert [trial.number for trial in await store.unremoved_trials(UID, 2)] == [1, 3]

    async def test_locked_trials_are_read_once(self, stores: Stores, experiment: Experiment) -> None:
        await _add(stores, *(a_trial(experiment, number) for number in range(1, 4)))

        async with stores.begin() as store:
            await store.lock_trials(UID, [3, 1])
            first = await store.trial(UID, 1, lock=True)
            assert first is not None
            first.cursor = 5
            again = await store.trial(UID, 1)

        assert again is first
        assert (await _find(stores)).cursor == 5

    async def test_deleting_a_page_deletes_its_points(self, stores: Stores, experiment: Experiment) -> None:
        trial = a_trial(experiment)
        await _add(stores, trial)
        async with stores.begin() as store:
            await store.add_points(trial, a_range(1))

        async with stores.begin() as store:
            await store.delete_page(UID, 10)
            assert await store.points(trial.uid, "log") == []

    async def test_what_a_cluster_retains_is_due_again_when_its_experiment_goes(
        self, stores: Stores, experiment: Experiment
    ) -> None:
        ended = {"state": TrialState.SUCCEEDED, "host": "host-a", "removed_at": EPOCH}
        kinds = (TargetKind.PROCESS, TargetKind.KUBERNETES, TargetKind.EXTERNAL)
        await _add(stores, *(a_trial(experiment, at, target=kind, **ended) for at, kind in enumerate(kinds, start=1)))

        async with stores.begin() as store:
            await store.reopen_ended(UID, with_objects=True)

        found = [await _find(stores, number) for number in (1, 2, 3)]
        assert [trial.removed_at for trial in found] == [None, None, EPOCH]
        assert [trial.due_at is not None for trial in found] == [False, True, False]
