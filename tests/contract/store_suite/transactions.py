"""Transactions: all or nothing, locked in one order, and never a lost update."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta

import pytest

from functions.errors import TransientError
from functions.experiment.model import Experiment
from functions.ports import Stores
from infra.store.store import LockOrderError
from tests.builders import UID, a_reference, a_suggestion, a_trial, an_experiment


class TransactionContract:
    """Mixed into a test class; `stores` is the adapter."""

    async def test_a_transaction_is_committed_at_its_end(self, stores: Stores) -> None:
        async with stores.begin() as store:
            assert await store.add_experiment(an_experiment(), a_suggestion())

        async with stores.begin() as store:
            assert await store.experiment(a_reference()) is not None

    async def test_a_transaction_that_raises_leaves_nothing(self, stores: Stores) -> None:
        async def fail() -> None:
            async with stores.begin() as store:
                await store.add_experiment(an_experiment(), a_suggestion())
                await store.add_tombstone("uid-other")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()

        async with stores.begin() as store:
            assert await store.experiment(a_reference()) is None
            assert not await store.has_tombstone("uid-other")

    async def test_a_cancelled_transaction_leaves_nothing_and_holds_no_lock(self, stores: Stores) -> None:
        is_inside = asyncio.Event()

        async def wait_inside() -> None:
            async with stores.begin() as store:
                await store.add_experiment(an_experiment(), a_suggestion())
                is_inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(wait_inside())
        await is_inside.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        async with asyncio.timeout(10), stores.begin() as store:
            assert await store.add_experiment(an_experiment(), a_suggestion())

    async def test_what_was_changed_on_a_loaded_row_is_kept(self, stores: Stores) -> None:
        await add_experiment(stores)
        async with stores.begin() as store:
            experiment = await store.experiment(a_reference(), lock=True)
            assert experiment is not None
            experiment.labels = {"team": "a"}

        async with stores.begin() as store:
            found = await store.experiment(a_reference())
        assert found is not None
        assert found.labels == {"team": "a"}

    async def test_a_row_is_the_same_object_throughout_a_transaction(self, stores: Stores) -> None:
        await add_experiment(stores)
        async with stores.begin() as store:
            locked = await store.experiment(a_reference(), lock=True)
            again = await store.experiment(a_reference())
            by_name = await store.experiment(a_reference(uid=""))

        assert locked is again is by_name

    async def test_concurrent_increments_are_all_counted(self, stores: Stores) -> None:
        await add_experiment(stores)

        async def increment() -> None:
            async with stores.begin() as store:
                experiment = await store.experiment(a_reference(), lock=True)
                assert experiment is not None
                experiment.seq += 1

        await asyncio.gather(*(_patiently(increment) for _ in range(20)))

        async with stores.begin() as store:
            found = await store.experiment(a_reference())
        assert found is not None
        assert found.seq == 20

    async def test_a_locking_read_sees_what_was_committed_after_a_plain_one(self, stores: Stores) -> None:
        """The identity map must not answer a locking read from memory."""
        await add_experiment(stores)
        async with stores.begin() as store:
            await store.experiment(a_reference())
            locked = await store.experiment(a_reference(), lock=True)
            assert locked is not None
            locked.seq += 1

        async with stores.begin() as store:
            found = await store.experiment(a_reference())
        assert found is not None
        assert found.seq == 1

    async def test_every_change_moves_the_version_on(self, stores: Stores) -> None:
        await add_experiment(stores)
        versions = []
        for _ in range(2):
            async with stores.begin() as store:
                experiment = await store.experiment(a_reference(), lock=True)
                assert experiment is not None
                versions.append(experiment.version)
                experiment.seq += 1

        assert versions[1] > versions[0]

    async def test_a_transaction_that_changes_nothing_leaves_the_version(self, stores: Stores) -> None:
        await add_experiment(stores)
        versions = []
        for _ in range(2):
            async with stores.begin() as store:
                experiment = await store.experiment(a_reference(), lock=True)
                assert experiment is not None
                versions.append(experiment.version)

        assert versions[0] == versions[1]

    async def test_locks_against_the_order_are_refused(self, stores: Stores) -> None:
        experiment = await add_experiment(stores)
        async with stores.begin() as store:
            await store.add_trials([a_trial(experiment)])

        async def lock_backwards() -> None:
            async with stores.begin() as store:
                await store.trial(UID, 1, lock=True)
                await store.experiment(a_reference(), lock=True)

        with pytest.raises(LockOrderError):
            await lock_backwards()

    async def test_the_time_is_aware_one_for_a_transaction_and_never_goes_back(self, stores: Stores) -> None:
        async with stores.begin() as store:
            first, same = await store.now(), await store.now()
        async with stores.begin() as store:
            later = await store.now()

        assert first == same
        assert first.utcoffset() == timedelta(0)
        assert later >= first
        assert first.tzinfo == UTC


async def add_experiment(stores: Stores, uid: str = UID) -> Experiment:
    experiment = an_experiment(uid)
    async with stores.begin() as store:
        assert await store.add_experiment(experiment, a_suggestion(uid))
    return experiment


async def _patiently(work: Callable[[], Awaitable[None]]) -> None:
    for _ in range(10):
        try:
            await work()
            return
        except TransientError:
            continue
    raise AssertionError("busy ten times")
