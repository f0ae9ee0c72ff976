"""What a transaction spares the server, and that nothing is lost by it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from functions.ports import Ledger
from infra.store.engine import SQLStores, make_engine
from infra.store.schema import upgrade
from tests.builders import UID, a_reference, a_trial
from tests.contract.store_suite.transactions import add_experiment
from tests.services.mariadb import mariadb, mariadb_url

__all__ = ["mariadb", "mariadb_url"]

SHORT_SECONDS = 0.2
"""How long somebody waits for a lock."""


@pytest.fixture
async def stores(mariadb_url: str) -> AsyncIterator[SQLStores]:
    stores = SQLStores(make_engine(mariadb_url))
    await upgrade(stores.engine)
    yield stores
    await stores.close()


async def test_transactions_in_a_row_ask_for_no_life_sign_and_roll_nothing_back(stores: SQLStores) -> None:
    await add_experiment(stores)
    async with stores.engine.connect() as observer:
        before = await count_of(observer, "Com_admin_commands"), await count_of(observer, "Com_rollback")
        for _ in range(3):
            async with stores.begin() as store:
                await store.experiment(a_reference(), lock=True)
        after = await count_of(observer, "Com_admin_commands"), await count_of(observer, "Com_rollback")

    assert after == before


async def test_what_a_reader_left_open_is_rolled_back_before_the_next_user(mariadb_url: str) -> None:
    engine = make_engine(mariadb_url, pool_size=1)
    async with engine.connect() as connection:
        await connection.execute(text("CREATE TABLE left_open (id INT PRIMARY KEY) ENGINE=InnoDB"))
        await connection.execute(text("INSERT INTO left_open VALUES (1)"))

    async with engine.connect() as connection:
        count = await connection.scalar(text("SELECT COUNT(*) FROM left_open"))
    await engine.dispose()

    assert count == 0


async def test_the_time_that_comes_with_locked_rows_is_after_the_wait_for_the_experiment(stores: SQLStores) -> None:
    experiment = await add_experiment(stores)
    async with stores.begin() as store:
        await store.add_trials([a_trial(experiment, number) for number in (1, 2)])

    async with stores.begin() as first:
        await first.experiment(a_reference(), lock=True)
        second = asyncio.create_task(time_behind_the_lock(stores))
        done, _ = await asyncio.wait([second], timeout=SHORT_SECONDS)
        assert not done
        released_at = await first.now()

    assert await second >= released_at


async def time_behind_the_lock(stores: SQLStores) -> datetime:
    """Lock as the runtime locks a group, then tell the time."""
    store: Ledger
    async with stores.begin() as store:
        await store.experiment(a_reference(), lock=True)
        await store.lock_trials(UID, [1, 2])
        return await store.now()


async def count_of(connection: AsyncConnection, name: str) -> int:
    """Return one of the server's counters over all clients."""
    row = (await connection.execute(text(f"SHOW GLOBAL STATUS LIKE '{name}'"))).one()
    return int(row[1])
