"""Many rows' UPDATE as one statement: aiomysql's executemany sends one a row, and a round trip each is what dominates.

The rows become a derived table that the target is joined to by its primary key. STRAIGHT_JOIN makes the derived table
the driving one, so that no other row is looked at, let alone locked, whatever the optimizer thinks of small tables.
"""

import re
from collections.abc import Iterator, Sequence

from sqlalchemy.engine import ExecutionContext
from sqlalchemy.engine.interfaces import DBAPICursor

ROWS_PER_STATEMENT = 256
"""A batch of events has 64; parsing grows with each row."""
CHARACTERS_PER_STATEMENT = 1_000_000
"""Four bytes each at most: far below the 16 MiB that MariaDB's `max_allowed_packet` is by default."""

Row = Sequence[object]

_NAME = r"`?\w+`?"
_UPDATE = re.compile(
    rf"UPDATE (?P<table>{_NAME}) SET (?P<changes>{_NAME}=%s(?:, {_NAME}=%s)*) WHERE "  # noqa: S608 - only a pattern
    rf"(?P<keys>{_NAME}\.{_NAME} = %s(?: AND {_NAME}\.{_NAME} = %s)*)"
)


def update_together(cursor: DBAPICursor, statement: str, rows: Sequence[Row], context: ExecutionContext) -> bool | None:
    """Run an ORM's executemany of UPDATE by key in few statements; None leaves any other statement to the driver."""
    found = _UPDATE.fullmatch(statement)
    if found is None or len(rows) < 2:  # noqa: PLR2004 - one row needs no join
        return None
    row_count = 0
    for chunk in _chunks(rows):
        cursor.execute(_joined(found, len(chunk)), [value for row in chunk for value in row])
        row_count += cursor.rowcount
    context._rowcount = row_count  # type: ignore[attr-defined]  # noqa: SLF001 - as the dialect's own do_executemany
    return True


def _chunks(rows: Sequence[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    size = 0
    for row in rows:
        length = sum(len(value) for value in row if isinstance(value, (str, bytes)))
        if chunk and (len(chunk) == ROWS_PER_STATEMENT or size + length > CHARACTERS_PER_STATEMENT):
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += length
    yield chunk


def _joined(found: re.Match[str], row_count: int) -> str:
    """Return the statement for so many rows; every row is (changed values…, key values…), as in the ORM's."""
    table = found["table"]
    changed = [part.removesuffix("=%s") for part in found["changes"].split(", ")]
    keys = [part.removesuffix(" = %s") for part in found["keys"].split(" AND ")]
    width = len(changed) + len(keys)
    first = ", ".join(f"%s AS c{index}" for index in range(width))
    rest = f" UNION ALL SELECT {', '.join(['%s'] * width)}" * (row_count - 1)
    on = " AND ".join(f"{key} = new.c{len(changed) + index}" for index, key in enumerate(keys))
    changes = ", ".join(f"{table}.{name} = new.c{index}" for index, name in enumerate(changed))
    return f"UPDATE (SELECT {first}{rest}) AS new STRAIGHT_JOIN {table} ON {on} SET {changes}"  # noqa: S608 - names of ours
