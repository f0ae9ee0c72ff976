"""Rows that cannot be read, changed by hand or written by a newer version: each is passed over alone and named."""

import logging
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, inspect
from sqlalchemy.ext.asyncio import AsyncSession

from functions.errors import KuttabError

log = logging.getLogger("kuttab.store")

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What the types of columns raise about a value that is not theirs."""
SILENCE_SECONDS = 300.0
"""Between two log lines about one row: a host looks at its rows four times a second."""
_TOLD_COUNT = 1_000
_REASON_CHARACTERS = 300

Key = tuple[Any, ...]
_told_at: dict[str, float] = {}


class UnreadableRowError(KuttabError):
    """A row is not what this version of Kuttab writes: mend it or delete it in the database."""


async def read_rows(session: AsyncSession, query: Select[Any]) -> tuple[list[Any], list[Key]]:
    """Return the objects of an ORM query of one class, and the keys of the rows that cannot be read."""
    try:
        return list(await session.scalars(query)), []
    except UNREADABLE:
        return await _read_one_by_one(session, query)


async def _read_one_by_one(session: AsyncSession, query: Select[Any]) -> tuple[list[Any], list[Key]]:
    table = inspect(query.column_descriptions[0]["entity"]).local_table
    found: list[Any] = []
    unread: list[Key] = []
    keys = list(table.primary_key.columns)
    names = [table.c[name] for name in ("namespace", "name") if name in table.c] or keys
    for row in (await session.execute(query.with_only_columns(*keys, *names))).all():
        key = tuple(row)[: len(keys)]
        try:
            found += await session.scalars(query.where(*has_key(table, key)))
        except UNREADABLE as error:
            unread.append(key)
            _tell(table.name.removesuffix("s"), "/".join(map(str, row[len(keys) :])), error)
    return found, unread


def has_key(table: Table, key: Sequence[Any]) -> list[ColumnElement[bool]]:
    """Return what is true of the row with this primary key alone."""
    return [column == value for column, value in zip(table.primary_key.columns, key, strict=True)]


def say_why(error: BaseException) -> str:
    """Return an error's words in one line of bounded length."""
    return " ".join(str(error).split())[:_REASON_CHARACTERS]


def _tell(kind: str, name: str, error: BaseException) -> None:
    """Log which row was passed over, and why, unless that was done a moment ago."""
    now, key = time.monotonic(), f"{kind} {name}"
    if now - _told_at.get(key, -SILENCE_SECONDS) >= SILENCE_SECONDS:
        if len(_told_at) >= _TOLD_COUNT:
            _told_at.clear()
        _told_at[key] = now
        log.error("passed over %s, whose row cannot be read: %s", key, say_why(error), extra={kind: name})
