"""What reconcile and a host's supervisor need: due rows, heartbeats, lost hosts."""

from datetime import timedelta

from sqlalchemy import text

from functions.ports import Host, Stores
from functions.trial.model import TrialState
from infra.store.engine import SQLStores
from tests.builders import EPOCH, a_reference, a_suggestion, a_trial, an_experiment
from tests.contract.store_suite.transactions import add_experiment

LATER = -3600.0
"""A silence that has not begun: every host counts as silent."""


async def _beat(stores: Stores, *hosts: Host) -> None:
    async with stores.begin() as store:
        for host in hosts:
            await store.beat(host)


class LedgerContract:
    """Mixed into a test class; `stores` is the adapter."""

    async def test_due_trials_come_by_their_time_in_bounded_pages(self, stores: Stores) -> None:
        experiment = await add_experiment(stores)
        async with stores.begin() as store:
            now = await store.now()
            late = (10, 30, 20, -3600)
            rows = [a_trial(experiment, 1 + i, due_at=now - timedelta(seconds=it)) for i, it in enumerate(late)]
            await store.add_trials([*rows, a_trial(experiment, 5)])

        async with stores.begin() as store:
            page = [trial.number for trial in await store.due_trials(2)]
        async with stores.begin() as store:
            every = [trial.number for trial in await store.due_trials(10)]

        assert (page, every) == ([2, 3], [2, 3, 1])

    async def test_a_due_trial_may_be_changed(self, stores: Stores) -> None:
        experiment = await add_experiment(stores)
        async with stores.begin() as store:
            await store.add_trials([a_trial(experiment, due_at=EPOCH - timedelta(days=9_000))])

        async with stores.begin() as store:
            (trial,) = await store.due_trials(10)
            trial.due_at = None

        async with stores.begin() as store:
            assert await store.due_trials(10) == []

    async def test_rows_that_cannot_be_read_are_passed_over_and_put_off(self, stores: SQLStores) -> None:
        experiment, other = await add_experiment(stores), an_experiment("uid-other", name="other")
        async with stores.begin() as store:
            assert await store.add_experiment(other, a_suggestion(other.uid))
            due = await store.now() - timedelta(seconds=10)
            await store.add_trials([a_trial(experiment, it, due_at=due) for it in (1, 2)])
            for uid in (experiment.uid, other.uid):
                found = await store.experiment(a_reference(uid), lock=True)
                assert found is not None
                found.due_at = due
        async with stores.engine.begin() as connection:
            await connection.execute(text("UPDATE experiments SET spec = '{' WHERE uid = 'uid-other'"))
            await connection.execute(text("UPDATE trials SET state = 'Sleeping' WHERE number = 1"))

        for limit in (2, 1):
            async with stores.begin() as store:
                assert [it.uid for it in await store.due_experiments(limit)] == [experiment.uid]
        async with stores.begin() as store:
            assert [it.number for it in await store.due_trials(10)] == [2]
        async with stores.begin() as store:
            known = await store.experiments_of([experiment.uid, other.uid, "uid-gone"])

        assert {uid: it is not None for uid, it in known.items()} == {experiment.uid: True, other.uid: False}

    async def test_a_search_that_a_killed_runner_held_is_free_and_due_at_once(self, stores: Stores) -> None:
        experiment = await add_experiment(stores)
        async with stores.begin() as store:
            locked = await store.experiment(experiment.ref, lock=True)
            search = await store.suggestion(experiment.uid, lock=True)
            assert locked is not None
            assert search is not None
            search.claim("event-1", at=await store.now(), seconds=3600)
            locked.searching_until = locked.due_at = search.lease_until

        async with stores.begin() as store:
            await store.end_searches()
        async with stores.begin() as store:
            (due,) = await store.due_experiments(10)
            search = await store.suggestion(experiment.uid)

            assert due.searching_until is None
            assert search is not None
            assert not search.is_held_by_other("event-2", at=await store.now())

    async def test_a_host_that_beats_is_not_silent(self, stores: Stores) -> None:
        await _beat(stores, Host("a"))

        for _ in range(2):
            async with stores.begin() as store:
                assert await store.suspect_hosts(3600) == []

    async def test_a_silent_host_is_suspected_before_it_is_lost(self, stores: Stores) -> None:
        await _beat(stores, Host("a"))

        async with stores.begin() as store:
            first = await store.suspect_hosts(LATER)
            second = await store.suspect_hosts(LATER)

        assert (list(first), list(second)) == ([], ["a"])

    async def test_a_suspicion_must_be_as_old_as_a_silence(self, stores: Stores) -> None:
        await _beat(stores, Host("a"))
        async with stores.begin() as store:
            await store.suspect_hosts(LATER)

        async with stores.begin() as store:
            assert await store.suspect_hosts(3600) == []

    async def test_a_beat_ends_suspicion_and_loss(self, stores: Stores) -> None:
        await _beat(stores, Host("a"))
        async with stores.begin() as store:
            await store.suspect_hosts(LATER)
            await store.lose_host("a")
            lost = await store.lost_hosts()

        await _beat(stores, Host("a"))

        async with stores.begin() as store:
            assert (lost, await store.lost_hosts()) == ({"a"}, frozenset())
            assert await store.suspect_hosts(LATER) == []

    async def test_a_lost_host_is_not_lost_again(self, stores: Stores) -> None:
        await _beat(stores, Host("a"))
        async with stores.begin() as store:
            await store.suspect_hosts(LATER)
            await store.lose_host("a")

        async with stores.begin() as store:
            assert await store.suspect_hosts(LATER) == []

    async def test_the_active_trials_of_a_lost_host_become_due(self, stores: Stores) -> None:
        experiment = await add_experiment(stores)
        await _beat(stores, Host("a"))
        async with stores.begin() as store:
            await store.add_trials(
                [
                    a_trial(experiment, 1, host="a", state=TrialState.RUNNING),
                    a_trial(experiment, 2, host="b", state=TrialState.RUNNING),
                    a_trial(experiment, 3, host="a", state=TrialState.SUCCEEDED),
                ]
            )

        async with stores.begin() as store:
            await store.lose_host("a")

        async with stores.begin() as store:
            assert [trial.number for trial in await store.due_trials(10)] == [1]

    async def test_a_free_host_lives_fits_and_has_a_slot(self, stores: Stores) -> None:
        await _beat(stores, Host("full", 2, 2, {"gpu": "yes"}), Host("free", 2, 1, {"gpu": "no", "disk": "big"}))

        async with stores.begin() as store:
            own, part = {"gpu": "no", "disk": "big"}, {"gpu": "no"}
            found = [await store.has_free_host(it) for it in ({}, own, part, {"gpu": "yes"})]
            await store.lose_host("free")
            after = await store.has_free_host({})

        assert (found, after) == ([True, True, True, False], False)

    async def test_a_launch_queue_is_found_once_it_was_noted(self, stores: Stores) -> None:
        async with stores.begin() as store:
            await store.note_launch_queue("trial-launch-process-a")
            await store.note_launch_queue("trial-launch-process-a")
        async with stores.begin() as store:
            await store.note_launch_queue("trial-launch-process-a")
            await store.note_launch_queue("trial-launch-process-b")

        async with stores.begin() as store:
            found = await store.noted_launch_queues(["trial-launch-process-a", "trial-launch-process-c"])
            none = await store.noted_launch_queues([])

        assert (found, none) == ({"trial-launch-process-a"}, frozenset())

    async def test_a_launch_queue_is_forgotten_once_nobody_notes_it_any_more(self, stores: Stores) -> None:
        async with stores.begin() as store:
            store._now = await store.now() - timedelta(days=3)  # type: ignore[attr-defined]  # the adapter's own
            for queue in ("trial-launch-process-a", "trial-launch-process-b"):
                await store.note_launch_queue(queue)
        async with stores.begin() as store:
            await store.note_launch_queue("trial-launch-process-b")
        async with stores.begin() as store:
            await store.forget_launch_queues(2 * 86_400)

        async with stores.begin() as store:
            found = await store.noted_launch_queues(["trial-launch-process-a", "trial-launch-process-b"])

        assert found == {"trial-launch-process-b"}

    async def test_a_host_holds_what_it_must_still_remove(self, stores: Stores) -> None:
        experiment = await add_experiment(stores)
        async with stores.begin() as store:
            await store.add_trials(
                [
                    a_trial(experiment, 1, host="a", state=TrialState.RUNNING),
                    a_trial(experiment, 2, host="a", state=TrialState.SUCCEEDED),
                    a_trial(experiment, 3, host="a", state=TrialState.SUCCEEDED, removed_at=EPOCH),
                    a_trial(experiment, 4, host="A", state=TrialState.RUNNING),
                ]
            )

        async with stores.begin() as store:
            assert [trial.number for trial in await store.trials_of_host("a")] == [1, 2]
