"""What can be held about MySQL 8 without one: the statements of its dialect, its errors, its default authentication."""

import asyncio
import struct
from itertools import cycle

import aiomysql
import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pymysql import err
from sqlalchemy import select
from sqlalchemy.dialects import mysql as dialects
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from functions.trial.model import Trial
from infra.store import mysql
from infra.store.bulk_update import _UPDATE, _chunks, _joined
from infra.store.engine import is_transient
from infra.store.inserts import insert_new
from infra.store.mapping import map_domain, metadata, observation_logs, trials

DIALECT = dialects.dialect()
INDEX_BYTES = 3_072
"""InnoDB's longest key."""

# Statements


def test_a_point_that_is_there_stays_without_ignoring_other_errors() -> None:
    statement = str(insert_new(observation_logs, DIALECT).compile(dialect=DIALECT))

    assert statement == (
        "INSERT INTO observation_logs (trial_uid, source, position, metric, value, time)"
        " VALUES (%s, %s, %s, %s, %s, %s)"
        " ON DUPLICATE KEY UPDATE trial_uid = observation_logs.trial_uid"
    )


def test_due_rows_are_locked_past_those_that_others_hold() -> None:
    map_domain()
    query = select(Trial).where(trials.c.number > 1).limit(5).with_for_update(skip_locked=True)

    assert str(query.compile(dialect=DIALECT)).endswith("FOR UPDATE SKIP LOCKED")


def test_no_statement_asks_for_rows_back() -> None:
    """INSERT … RETURNING is MariaDB's alone."""
    assert not DIALECT.insert_returning


def test_every_text_column_says_its_character_set() -> None:
    lines = [
        line
        for table in metadata.sorted_tables
        for line in str(CreateTable(table).compile(dialect=DIALECT)).splitlines()
    ]

    texts = [line for line in lines if "VARCHAR" in line or "TEXT" in line]
    assert len(texts) > 40
    assert [line for line in texts if "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" not in line] == []


def test_moments_keep_their_microseconds_and_long_texts_have_no_default() -> None:
    text = "".join(str(CreateTable(table).compile(dialect=DIALECT)) for table in metadata.sorted_tables)

    assert "DATETIME(6)" in text
    assert "DATETIME " not in text
    assert "DEFAULT" not in text


def test_every_key_fits_into_innodbs() -> None:
    sizes = {}
    for table in metadata.sorted_tables:
        for key in [table.primary_key, *table.indexes]:
            sizes[f"{table.name}.{key.name}"] = sum(4 * (getattr(it.type, "length", None) or 2) for it in key.columns)

    assert max(sizes.values()) <= INDEX_BYTES


def test_updates_of_many_rows_become_one_join_driven_by_them() -> None:
    found = _UPDATE.fullmatch(
        "UPDATE trials SET state=%s, `cursor`=%s WHERE trials.experiment_uid = %s AND trials.number = %s"
    )

    assert found is not None
    assert _joined(found, 2) == (
        "UPDATE (SELECT %s AS c0, %s AS c1, %s AS c2, %s AS c3 UNION ALL SELECT %s, %s, %s, %s) AS new"
        " STRAIGHT_JOIN trials ON trials.experiment_uid = new.c2 AND trials.number = new.c3"
        " SET trials.state = new.c0, trials.`cursor` = new.c1"
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE experiments SET seq=(experiments.seq + %s) WHERE experiments.uid = %s",
        "UPDATE hosts SET busy=%s WHERE hosts.beat_at < %s",
        "DELETE FROM trials WHERE trials.number = %s",
        "UPDATE trials SET due_at=%s",
    ],
)
def test_other_statements_are_left_to_the_driver(statement: str) -> None:
    assert _UPDATE.fullmatch(statement) is None


def test_statements_are_bounded_by_rows_and_by_length() -> None:
    assert [len(chunk) for chunk in _chunks([("x", 1)] * 600)] == [256, 256, 88]
    assert [len(chunk) for chunk in _chunks([("x" * 400_000, 1)] * 5)] == [2, 2, 1]
    assert [len(chunk) for chunk in _chunks([("x" * 4_000_000, 1)] * 2)] == [1, 1]


# Errors


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (err.OperationalError(1213, "Deadlock found"), True),
        (err.OperationalError(1205, "Lock wait timeout exceeded"), True),
        (err.OperationalError(1927, "Connection was killed"), True),
        (err.OperationalError(2013, "Lost connection to MySQL server during query"), True),
        (err.InternalError("Packet sequence number wrong - got 0 expected 1"), True),
        (err.InterfaceError(0, "Not connected"), True),
        (err.OperationalError(1045, "Access denied"), False),
        (err.OperationalError(1049, "Unknown database"), False),
        (err.IntegrityError(1062, "Duplicate entry"), False),
        (err.DataError(1406, "Data too long"), False),
        (err.ProgrammingError(1146, "No such table"), False),
    ],
)
def test_only_errors_that_pass_are_transient(error: err.Error, expected: bool) -> None:
    wrapped = DBAPIError.instance("SELECT 1", (), error, err.Error)

    assert isinstance(wrapped, DBAPIError)
    assert is_transient(wrapped) == expected


# The driver


def test_the_driver_takes_bytes() -> None:
    mysql.mend_driver()

    assert aiomysql.connection.escape_bytes_prefixed(b"\x00'") == "_binary X'0027'"


async def test_the_driver_speaks_mysql_8s_default_authentication_without_tls() -> None:
    """`caching_sha2_password` with a password that the server does not remember: it goes by the server's RSA key."""
    password, received = "sésame", asyncio.Queue[bytes]()
    server = await asyncio.start_server(lambda *streams: _authenticate(*streams, received), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    connection = await aiomysql.connect(host="127.0.0.1", port=port, user="kuttab", password=password)
    await connection.ensure_closed()

    assert await received.get() == password.encode("latin1") + b"\0"
    server.close()
    await server.wait_closed()


async def _authenticate(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: asyncio.Queue[bytes]
) -> None:
    """Be a MySQL 8 that asks for the whole password, then agrees to everything."""
    key, salt = rsa.generate_private_key(65_537, 2_048), b"abcdefghijklmnopqrst"
    capabilities = 0x0008_A20B
    greeting = b"\x0a8.0.40\0" + struct.pack(
        "<I8sxHBHHB10x", 1, salt[:8], capabilities & 0xFFFF, 45, 2, capabilities >> 16, 21
    )
    _send(writer, 0, greeting + salt[8:] + b"\0caching_sha2_password\0")
    await _receive(reader)
    _send(writer, 2, b"\x01\x04")
    assert await _receive(reader) == b"\x02"
    _send(writer, 4, b"\x01" + key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    secret = key.decrypt(await _receive(reader), padding.OAEP(padding.MGF1(SHA1()), SHA1(), None))
    _send(writer, 6, _OK)
    while await _receive(reader):
        _send(writer, 1, _OK)
    writer.close()
    await writer.wait_closed()
    received.put_nowait(bytes(a ^ b for a, b in zip(secret, cycle(salt), strict=False)))


_OK = b"\0\0\0\x02\0\0\0"


def _send(writer: asyncio.StreamWriter, sequence: int, payload: bytes) -> None:
    writer.write(struct.pack("<I", len(payload) | sequence << 24) + payload)


async def _receive(reader: asyncio.StreamReader) -> bytes:
    header = await reader.read(4)
    return await reader.readexactly(struct.unpack("<I", header)[0] & 0xFF_FFFF) if header else b""
