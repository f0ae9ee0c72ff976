"""Engines and transactions: SQLite begins IMMEDIATE, MySQL reads committed; lost connections become TransientError."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from functions.errors import TransientError
from infra.settings import SettingsError
from infra.store import mysql
from infra.store.bulk_update import update_together
from infra.store.ledger import SQLLedger
from infra.store.mapping import map_domain

SQLITE_BUSY_SECONDS = 30.0
"""How long a writer waits for another process's transaction; ours are milliseconds long."""
POOL_TIMEOUT_SECONDS = 300.0
"""How long a transaction waits for a connection of its process: the queue in front of it is bounded by the prefetch."""
POOL_RECYCLE_SECONDS = 240
"""Below the idle timeouts of MySQL's usual proxies (RDS Proxy: 30 minutes, load balancers: 5)."""
_DRIVERS = ("mysql+aiomysql", "mariadb+aiomysql", "sqlite+aiosqlite")
_SQLITE_TRANSIENT_WORDS = ("database is locked", "database table is locked", "disk i/o error", "disk is full")


class _SQLiteConnection(sqlite3.Connection):
    """Ends its transaction when it is closed.

    A close alone leaves the transaction, and its lock, to the last cursor's end; where a cancelled task's traceback
    holds a cursor, every other writer waits for the garbage collector.
    """

    def close(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it is closed already
            self.rollback()
        super().close()


async def _connect_sqlite(*place: Any, **options: Any) -> Any:  # noqa: ANN401 - the driver's own, loaded when needed
    """Connect; where that fails wait for the driver's thread, which else reports its end to a loop that is closed."""
    import aiosqlite

    connection = aiosqlite.connect(*place, **options)
    thread = connection._thread  # noqa: SLF001 - SQLAlchemy makes it a daemon just so
    thread.daemon = True
    try:
        return await connection
    except sqlite3.Error:
        await asyncio.to_thread(thread.join)
        raise


_SQLITE_ARGUMENTS = {
    "timeout": SQLITE_BUSY_SECONDS,
    "factory": _SQLiteConnection,
    "async_creator_fn": _connect_sqlite,
}


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """Tell whether this is news: that a connection is given up with the task that was cancelled is as it should be."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


logging.getLogger("sqlalchemy.pool.impl.AsyncAdaptedQueuePool").addFilter(_is_no_cancellation)


def _system_now() -> datetime:
    return datetime.now(UTC)


def make_engine(
    url: str,
    *,
    pool_size: int = 5,
    pool_timeout_seconds: float = POOL_TIMEOUT_SECONDS,
    async_creator: Callable[..., Any] | None = None,
) -> AsyncEngine:
    """Return an engine for `sqlite+aiosqlite://…` or `mysql+aiomysql://…`. `async_creator` replaces the driver.

    Raises SettingsError where the URL names no such database.
    """
    parsed = parse_url(url)
    options: dict[str, Any] = {"async_creator": async_creator} if async_creator else {}
    options |= {"pool_timeout": pool_timeout_seconds, "max_overflow": 0}
    if parsed.get_backend_name() == "sqlite":
        options |= {"poolclass": AsyncAdaptedQueuePool, "pool_size": 1}
        engine = create_async_engine(parsed, connect_args=_SQLITE_ARGUMENTS, **options)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_immediate)
        return engine
    if parsed.get_driver_name() == "aiomysql":
        mysql.mend_driver()
    options |= {"pool_size": pool_size, "pool_reset_on_return": None, "pool_recycle": POOL_RECYCLE_SECONDS}
    engine = create_async_engine(parsed, isolation_level="READ COMMITTED", **options)
    mysql.spare_round_trips(engine.sync_engine)
    event.listen(engine.sync_engine, "do_executemany", update_together)
    return engine


def parse_url(text: str) -> URL:
    """Return the parts of a database's URL. Raises SettingsError, which does not repeat what may hold a password."""
    such_as = "use one such as mysql+aiomysql://USER:PASSWORD@HOST/kuttab"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise SettingsError(f"--database (or KUTTAB_DATABASE_URL) is no URL of a database: {such_as}") from error
    if url.drivername not in _DRIVERS:
        raise SettingsError(f"--database (or KUTTAB_DATABASE_URL): {url.drivername}:// is not supported: {such_as}")
    return url


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Let us begin transactions ourselves, and write ahead: readers never wait for the writer."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=OFF"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own Connection, given untyped
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def is_transient(error: DBAPIError) -> bool:
    """Tell whether running the transaction again may help."""
    if error.connection_invalidated or mysql.is_transient(error):
        return True
    return isinstance(error, OperationalError) and any(
        word in str(error.orig).lower() for word in _SQLITE_TRANSIENT_WORDS
    )


class SQLStores:
    """Opens transactions on one database."""

    def __init__(self, engine: AsyncEngine, *, now: Callable[[], datetime] | None = None) -> None:
        """`now` is the store's time where the database has no clock of its own (SQLite), or in a simulation."""
        map_domain()
        self.engine = engine
        has_clock = engine.dialect.name != "sqlite"
        self._now = now or (None if has_clock else _system_now)
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SQLLedger]:
        """Open a transaction; see the port."""
        session: AsyncSession
        try:
            async with self._sessions() as session, session.begin():
                store = SQLLedger(session, self._now)
                yield store
                await store.flush_points()
        except DBAPIError as error:
            if not is_transient(error):
                raise
            text = str(error.orig or error)
            raise TransientError(text) from error
        except (StaleDataError, PoolTimeoutError) as error:
            raise TransientError(str(error)) from error

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
