"""INSERT statements that leave alone what is there, in both dialects."""

from functools import lru_cache

from sqlalchemy import Dialect, Insert, Table
from sqlalchemy.dialects import mysql, sqlite

from infra.store.mapping import observation_logs

POINTS_PER_STATEMENT = 5_000
"""Rows handed to the driver at a time: SQLite takes one by one, aiomysql splits at a megabyte a statement."""


def insert_new(table: Table, dialect: Dialect) -> Insert:
    """Return an INSERT that leaves rows alone whose key is there.

    On MySQL it sets a key to itself; INSERT IGNORE would also cut what is too long and zero what is no time.
    """
    if dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    key = next(iter(table.primary_key))
    return mysql.insert(table).on_duplicate_key_update({key.name: key})


@lru_cache(2)
def insert_points(dialect: Dialect) -> str:
    """Return the INSERT of points as the driver takes it: compiling and binding by row would cost a quarter more."""
    return str(insert_new(observation_logs, dialect).compile(dialect=dialect))
