"""A SQLite driver that answers at once: no thread, so that a seed always gives the same run, and gives it fast."""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, Self


class _Cursor:
    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, *arguments: Any) -> "_Cursor":
        self._cursor.execute(*arguments)
        return self

    async def executemany(self, *arguments: Any) -> "_Cursor":
        self._cursor.executemany(*arguments)
        return self

    async def fetchall(self) -> list[Any]:
        return self._cursor.fetchall()

    async def close(self) -> None:
        self._cursor.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class _AtOnce:
    """Takes what aiosqlite's thread would take from its queue, and does it."""

    def put_nowait(self, item: tuple["asyncio.Future[None]", Callable[[], None]]) -> None:
        future, function = item
        function()
        future.set_result(None)


class InstantConnection:
    """What the aiosqlite dialect needs of a connection, on a plain sqlite3 connection."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = self._conn = self._connection = raw
        self._tx = _AtOnce()

    def cursor(self) -> _Cursor:
        return _Cursor(self.raw.cursor())

    async def commit(self) -> None:
        self.raw.commit()

    async def rollback(self) -> None:
        self.raw.rollback()

    async def create_function(self, *arguments: Any, **options: Any) -> None:
        self.raw.create_function(*arguments, **options)

    async def close(self) -> None:
        """Do nothing: the database lives as long as the world."""

    def stop(self) -> None:
        """Do nothing: no thread runs."""


def open_raw() -> sqlite3.Connection:
    """Return a database in memory that begins no transaction by itself."""
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
