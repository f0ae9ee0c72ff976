"""The store's contract, held against every adapter."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from infra.store.engine import SQLStores, make_engine
from infra.store.schema import upgrade
from tests.builders import a_reference, a_suggestion, an_experiment
from tests.contract.store_suite.experiments import ExperimentContract
from tests.contract.store_suite.ledger import LedgerContract
from tests.contract.store_suite.rungs import RungContract
from tests.contract.store_suite.transactions import TransactionContract
from tests.contract.store_suite.trials import TrialContract, experiment

__all__ = ["experiment"]


async def _open_file(directory: Path) -> SQLStores:
    return await _open(f"sqlite+aiosqlite:///{directory / 'kuttab.db'}")


async def _open_memory(_: Path) -> SQLStores:
    return await _open("sqlite+aiosqlite://")


async def _open(url: str) -> SQLStores:
    """Open an empty database and make its tables by migration."""
    stores = SQLStores(make_engine(url))
    await upgrade(stores.engine)
    return stores


ADAPTERS: dict[str, Callable[[Path], Awaitable[SQLStores]]] = {
    "sqlite-file": _open_file,
    "sqlite-memory": _open_memory,
}


@pytest.fixture(params=ADAPTERS)
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SQLStores]:
    """Open an empty store of each adapter."""
    opened = await ADAPTERS[request.param](tmp_path)
    yield opened
    await opened.close()


class TestTransactions(TransactionContract):
    """All or nothing."""


class TestExperiments(ExperimentContract):
    """Experiments, searches, tombstones."""


class TestTrials(TrialContract):
    """Trials and points."""


class TestLedger(LedgerContract):
    """Due rows and hosts."""


class TestRungs(RungContract):
    """What Trials leave for each other."""


async def test_two_processes_share_a_file_without_losing_an_update(tmp_path: Path) -> None:
    both = [await _open_file(tmp_path), await _open_file(tmp_path)]
    async with both[0].begin() as store:
        await store.add_experiment(an_experiment(), a_suggestion())

    async def increment(stores: SQLStores) -> None:
        async with stores.begin() as store:
            found = await store.experiment(a_reference(), lock=True)
            assert found is not None
            found.seq += 1

    await asyncio.gather(*(increment(both[index % 2]) for index in range(20)))

    async with both[0].begin() as store:
        found = await store.experiment(a_reference())
    assert found is not None
    assert found.seq == 20
    for stores in both:
        await stores.close()


async def test_a_cancelled_transaction_leaves_the_file_to_other_writers_and_says_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stores, other = (
        await _open_file(tmp_path),
        sqlite3.connect(tmp_path / "kuttab.db", timeout=2.0, check_same_thread=False),
    )

    async def add(uid: str) -> None:
        async with stores.begin() as store:
            await store.add_experiment(an_experiment(uid), a_suggestion(uid))

    for turn in range(150):
        tasks = [asyncio.create_task(add(f"{turn}-{task}")) for task in range(3)]
        await asyncio.sleep(turn / 30_000)  # another point of the transaction each turn
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        other.rollback()
    other.close()
    await stores.close()
    assert caplog.text == ""
