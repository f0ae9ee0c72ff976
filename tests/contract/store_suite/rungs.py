"""What Trials leave for each other where early stopping compares them."""

from functions.observation.early_stopping.interface import RUNG_TRIALS
from functions.ports import Stores
from tests.builders import UID, a_trial
from tests.contract.store_suite.transactions import add_experiment


class RungContract:
    """Mixed into a test class; `stores` is the adapter."""

    async def test_values_come_back_by_trial_and_by_rung(self, stores: Stores) -> None:
        experiment = await add_experiment(stores)
        async with stores.begin() as store:
            await store.reach_rungs(a_trial(experiment, 1), {"0": 0.1 + 0.2, "1": -1e-300})
            await store.reach_rungs(a_trial(experiment, 2), {"0": 5e-324})

        async with stores.begin() as store:
            assert await store.rung(UID, "0") == {1: 0.1 + 0.2, 2: 5e-324}
            assert await store.rungs_of(UID, 1) == {"0": 0.1 + 0.2, "1": -1e-300}
            assert await store.rung("uid-other", "0") == await store.rung(UID, "2") == {}

    async def test_a_value_is_seen_at_once_and_replaces_the_one_before(self, stores: Stores) -> None:
        trial = a_trial(await add_experiment(stores))
        async with stores.begin() as store:
            await store.reach_rungs(trial, {"0": 1.0})
            await store.reach_rungs(trial, {"0": 2.0, "1": 3.0})
            await store.reach_rungs(trial, {})

            assert await store.rungs_of(UID, 1) == {"0": 2.0, "1": 3.0}

    async def test_a_rung_is_read_no_further_than_its_newest_trials(self, stores: Stores) -> None:
        experiment = await add_experiment(stores)
        async with stores.begin() as store:
            for number in range(1, RUNG_TRIALS + 3):
                await store.reach_rungs(a_trial(experiment, number), {"0": float(number)})

        async with stores.begin() as store:
            found = await store.rung(UID, "0")
        assert (min(found), max(found), len(found)) == (3, RUNG_TRIALS + 2, RUNG_TRIALS)

    async def test_deleting_a_page_deletes_what_its_trials_left(self, stores: Stores) -> None:
        trial = a_trial(await add_experiment(stores))
        async with stores.begin() as store:
            await store.add_trials([trial])
            await store.reach_rungs(trial, {"0": 1.0})

        async with stores.begin() as store:
            await store.delete_page(UID, 10)
            assert await store.rung(UID, "0") == {}
