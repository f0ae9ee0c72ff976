"""What only a server with row locks, other clients and a life of its own can show."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, text

from functions.errors import TransientError
from functions.ports import Ledger
from functions.trial.model import Trial, TrialState
from infra.store import mysql
from infra.store.engine import SQLStores, make_engine
from infra.store.mapping import metadata
from infra.store.reader import SQLReader
from infra.store.schema import upgrade
from infra.store.store import SQLStore
from tests.builders import (
    EPOCH,
    UID,
    a_finished_trial,
    a_range,
    a_reference,
    a_suggestion,
    a_trial,
    an_experiment,
    seconds,
)
from tests.contract.store_suite.transactions import add_experiment
from tests.services.mariadb import MariaDB, mariadb, mariadb_url

__all__ = ["mariadb", "mariadb_url"]

SHORT_SECONDS = 0.2
"""How long we watch somebody wait."""


@pytest.fixture
async def both(mariadb_url: str) -> AsyncIterator[tuple[SQLStores, SQLStores]]:
    """Open one database by two engines, as two processes do."""
    stores = SQLStores(make_engine(mariadb_url)), SQLStores(make_engine(mariadb_url))
    await upgrade(stores[0].engine)
    yield stores
    for each in stores:
        await each.close()


@pytest.fixture
def stores(both: tuple[SQLStores, SQLStores]) -> SQLStores:
    """Give the first engine."""
    return both[0]


@contextmanager
def statements_of(stores: SQLStores) -> Iterator[list[str]]:
    """Collect what is sent to the server."""
    seen: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        seen.append(statement)

    event.listen(stores.engine.sync_engine, "before_cursor_execute", note)
    yield seen
    event.remove(stores.engine.sync_engine, "before_cursor_execute", note)


async def lock(store: Ledger, uid: str = UID) -> None:
    assert await store.experiment(a_reference(uid), lock=True) is not None


async def increment(stores: SQLStores) -> None:
    async with stores.begin() as store:
        found = await store.experiment(a_reference(), lock=True)
        assert found is not None
        found.seq += 1


async def seq_of(stores: SQLStores) -> int:
    found = await SQLReader(stores.engine).experiment_of_uid(UID)
    assert found is not None
    return found.seq


async def connection_id(store: Ledger) -> int:
    assert isinstance(store, SQLStore)
    return int(await store._session.scalar(text("SELECT CONNECTION_ID()")) or 0)


# The tables


async def test_the_migrations_lead_to_the_mapped_tables(stores: SQLStores) -> None:
    async with stores.engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync, opts={"compare_type": True}), metadata)
        )

    assert differences == []


async def test_texts_keep_case_and_every_letter_whatever_the_server_was_told(stores: SQLStores) -> None:
    """The server of these tests has MariaDB's own defaults: latin1 and a collation that ignores case."""
    query = (
        "SELECT CONCAT(table_name, '.', column_name), collation_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND collation_name IS NOT NULL AND table_name <> 'alembic_version'"
    )
    async with stores.engine.connect() as connection:
        odd = [name for name, collation in await connection.execute(text(query)) if collation != "utf8mb4_bin"]

    assert odd == []


async def test_tables_are_transactional_and_times_have_microseconds(stores: SQLStores) -> None:
    engines = "SELECT DISTINCT engine FROM information_schema.tables WHERE table_schema = DATABASE()"
    precision = (
        "SELECT DISTINCT datetime_precision FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND data_type = 'datetime'"
    )
    async with stores.engine.connect() as connection:
        found = [list(await connection.scalars(text(query))) for query in (engines, precision)]

    assert found == [["InnoDB"], [6]]


async def test_transactions_read_what_is_committed(stores: SQLStores) -> None:
    async with stores.engine.connect() as connection:
        assert await connection.scalar(text("SELECT @@tx_isolation")) == "READ-COMMITTED"


# Locks


async def test_a_locked_row_makes_the_next_transaction_wait(both: tuple[SQLStores, SQLStores]) -> None:
    await add_experiment(both[0])
    async with both[0].begin() as store:
        await lock(store)
        second = asyncio.create_task(increment(both[1]))
        done, _ = await asyncio.wait([second], timeout=SHORT_SECONDS)
        assert not done

    await second
    assert await seq_of(both[0]) == 1


async def test_increments_of_two_processes_are_all_counted(both: tuple[SQLStores, SQLStores]) -> None:
    await add_experiment(both[0])

    await asyncio.gather(*(increment(both[index % 2]) for index in range(20)))

    assert await seq_of(both[0]) == 20


async def test_a_locking_read_sees_what_another_committed_meanwhile(both: tuple[SQLStores, SQLStores]) -> None:
    await add_experiment(both[0])
    async with both[0].begin() as store:
        before = await store.experiment(a_reference())
        assert before is not None
        assert before.seq == 0
        await increment(both[1])
        locked = await store.experiment(a_reference(), lock=True)

    assert locked is before
    assert locked.seq == 1


async def test_a_deadlock_is_transient_and_its_winner_goes_on(both: tuple[SQLStores, SQLStores]) -> None:
    for uid in ("a", "b"):
        experiment = an_experiment(uid, name=uid)
        async with both[0].begin() as store:
            await store.add_experiment(experiment, a_suggestion(uid))
    meet = asyncio.Barrier(2)

    async def lock_both(stores: SQLStores, first: str, second: str) -> None:
        async with stores.begin() as store:
            await lock(store, first)
            await meet.wait()
            await lock(store, second)

    work = (lock_both(both[0], "a", "b"), lock_both(both[1], "b", "a"))
    results = await asyncio.gather(*work, return_exceptions=True)

    assert {type(result) for result in results} == {TransientError, type(None)}


async def test_a_wait_that_takes_too_long_is_transient(both: tuple[SQLStores, SQLStores], mariadb: MariaDB) -> None:
    await add_experiment(both[0])
    mariadb.execute("SET GLOBAL innodb_lock_wait_timeout = 1")
    try:
        async with both[0].begin() as store:
            await lock(store)
            with pytest.raises(TransientError, match="1205"):
                await increment(both[1])
    finally:
        mariadb.execute("SET GLOBAL innodb_lock_wait_timeout = 50")


async def test_due_pages_of_two_processes_do_not_overlap(both: tuple[SQLStores, SQLStores]) -> None:
    experiment = await add_experiment(both[0])
    async with both[0].begin() as store:
        await store.add_trials([a_trial(experiment, number, due_at=EPOCH - seconds(1e8)) for number in range(1, 9)])

    async with both[0].begin() as one, both[1].begin() as other:
        pages = [{trial.number for trial in await store.due_trials(5)} for store in (one, other)]

    assert [len(page) for page in pages] == [5, 3]
    assert pages[0].isdisjoint(pages[1])


async def test_no_free_connection_is_transient(mariadb_url: str) -> None:
    engine = make_engine(mariadb_url, pool_size=1, pool_timeout_seconds=SHORT_SECONDS)
    stores = SQLStores(engine)
    await upgrade(engine)
    await add_experiment(stores)

    async with stores.begin() as store:
        await lock(store)
        with pytest.raises(TransientError):
            await increment(stores)

    await stores.close()


# Losses


async def test_a_killed_connection_is_transient_and_the_next_transaction_works(
    stores: SQLStores, mariadb: MariaDB
) -> None:
    await add_experiment(stores)

    async def work() -> None:
        async with stores.begin() as store:
            found = await store.experiment(a_reference(), lock=True)
            assert found is not None
            mariadb.execute(f"KILL {await connection_id(store)}")
            await store.trial(UID, 1)

    with pytest.raises(TransientError):
        await work()

    await increment(stores)
    assert await seq_of(stores) == 1


async def test_a_connection_killed_before_its_commit_is_transient(stores: SQLStores, mariadb: MariaDB) -> None:
    await add_experiment(stores)

    async def work() -> None:
        async with stores.begin() as store:
            found = await store.experiment(a_reference(), lock=True)
            assert found is not None
            mariadb.execute(f"KILL {await connection_id(store)}")

    with pytest.raises(TransientError):
        await work()


async def test_an_idle_connection_that_was_killed_is_replaced_unseen(
    stores: SQLStores, mariadb: MariaDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql, "PING_AFTER_SECONDS", 0.0)
    await add_experiment(stores)
    async with stores.begin() as store:
        idle = await connection_id(store)
    mariadb.execute(f"KILL {idle}")

    await increment(stores)

    assert await seq_of(stores) == 1


async def test_a_reader_reads_again_where_the_server_has_closed_its_connection(
    stores: SQLStores, mariadb: MariaDB
) -> None:
    await add_experiment(stores)
    async with stores.begin() as store:
        idle = await connection_id(store)
    mariadb.execute(f"KILL {idle}")

    assert await seq_of(stores) == 0


@pytest.mark.parametrize("end", [MariaDB.stop, MariaDB.kill], ids=["stop", "kill"])
async def test_a_restart_of_the_server_is_transient_and_loses_nothing(
    stores: SQLStores, mariadb: MariaDB, end: Callable[[MariaDB], None]
) -> None:
    await add_experiment(stores)
    await increment(stores)

    async def work() -> None:
        async with stores.begin() as store:
            found = await store.experiment(a_reference(), lock=True)
            assert found is not None
            found.seq += 1
            end(mariadb)
            await store.flush_points()

    try:
        with pytest.raises(TransientError):
            await work()
        with pytest.raises(TransientError):
            await increment(stores)
    finally:
        mariadb.start()

    await increment(stores)
    assert await seq_of(stores) == 2


# Statements


def _change(trial: Trial, value: float | None) -> None:
    trial.message = f'it\'s 100% "{value}" \\ é ☃ %s {{0}}'
    trial.value, trial.seq = value, None if value is None else trial.number
    trial.vector = bytes(range(256)) if value else b""
    trial.completed_at = None if value is None else EPOCH + seconds(0.123_456)
    trial.is_hidden = bool(value)
    trial.fold = trial.fold.add(a_range(value, "nan").points)
    trial.settle_for(a_finished_trial(trial, value or 0), until=EPOCH)


@pytest.mark.parametrize("count", [1, 2, 300])
async def test_rows_updated_together_are_each_as_they_were_changed(stores: SQLStores, count: int) -> None:
    experiment = await add_experiment(stores)
    async with stores.begin() as store:
        await store.add_trials([a_trial(experiment, number) for number in range(1, count + 2)])
    values: list[float | None] = [1.5, None, 0.1 + 0.2, -1e308, 5e-324, 0.0]
    async with stores.begin() as store:
        await store.lock_trials(UID, range(1, count + 1))
        changed = [await store.trial(UID, number) for number in range(1, count + 1)]
        for index, trial in enumerate(changed):
            assert trial is not None
            _change(trial, values[index % len(values)])

    async with stores.begin() as store:
        found = await store.unremoved_trials(UID, 1_000)

    assert [_fields(trial) for trial in found[:-1]] == [_fields(trial) for trial in changed]
    assert _fields(found[-1]) == _fields(a_trial(experiment, count + 1))


async def test_a_batch_of_finished_trials_is_a_bounded_number_of_round_trips(stores: SQLStores) -> None:
    """The cursor's own events see one statement for an executemany; the server counts what really arrives."""
    experiment = await add_experiment(stores)
    async with stores.begin() as store:
        await store.add_trials([a_trial(experiment, number) for number in range(1, 65)])

    async with stores.engine.connect() as connection:
        async with stores.begin() as store:
            await lock(store)
        before = await _questions(connection)
        async with stores.begin() as store:
            await lock(store)
            await store.lock_trials(UID, range(1, 65))
            for trial in [await store.trial(UID, number, lock=True) for number in range(1, 65)]:
                assert trial is not None
                trial.state, trial.seq = TrialState.SUCCEEDED, trial.number
                await store.add_points(trial, a_range(1, 2))
        after = await _questions(connection)

    assert after - before <= 8


async def _questions(connection: object) -> int:
    """Return how many statements all clients of the server have sent."""
    row = (await connection.execute(text("SHOW GLOBAL STATUS LIKE 'Questions'"))).one()  # type: ignore[attr-defined]
    return int(row[1])


async def test_asking_for_nobody_asks_nothing(stores: SQLStores) -> None:
    with statements_of(stores) as statements:
        async with stores.begin() as store:
            assert await store.experiments_of([]) == {}

    assert statements == []


async def test_the_servers_clock_is_read_once_a_transaction_and_only_when_asked(stores: SQLStores) -> None:
    with statements_of(stores) as statements:
        async with stores.begin() as store:
            await store.has_tombstone("uid")
        without = len(statements)
        async with stores.begin() as store:
            await store.now()
            await store.now()

    assert (without, len(statements)) == (1, 2)


def _fields(row: object) -> dict[str, object]:
    return {name: value for name, value in vars(row).items() if not name.startswith("_")}
