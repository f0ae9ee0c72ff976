"""What MySQL and MariaDB need of us besides SQL: a driver that takes bytes, and which of their errors pass.

Authentication: aiomysql 0.3.2 speaks `mysql_native_password` and `caching_sha2_password`, MySQL 8's default, on both of
its roads: the short one by a scramble where the server remembers the password, and the long one with the password in
the clear over TLS, or encrypted by the server's RSA key without (`PyMySQL[rsa]` brings `cryptography` for that).
"""

from time import monotonic

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, InvalidatePoolError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, PoolResetState

PING_AFTER_SECONDS = 1.0
"""A connection that was of use so short a time ago is trusted; where it is lost the transaction runs again."""

LOCK_WAIT_TIMEOUT, DEADLOCK = 1205, 1213
_TRANSIENT_CODES = frozenset(
    {
        LOCK_WAIT_TIMEOUT,
        DEADLOCK,
        1040,  # too many connections
        1053,  # the server is shutting down
        1077,  # it has shut down
        1203,  # too many connections of this user
        1317,  # the statement was interrupted
        1927,  # MariaDB: the connection was killed
        2002,  # cannot connect through the socket
        2003,  # cannot connect
        2006,  # the server has gone away
        2013,  # the connection was lost during a statement
        2055,  # the connection was lost, with the system's error
        3024,  # MySQL: the statement took too long
        4031,  # MySQL: closed for being idle
    }
)


def is_transient(error: DBAPIError) -> bool:
    """Tell whether running the transaction again may help."""
    if isinstance(error, InterfaceError):
        return True  # the driver's own word for a connection that is closed already
    if not isinstance(error, (InternalError, OperationalError)) or error.orig is None:
        return False
    code = error.orig.args[0] if error.orig.args else None
    return code in _TRANSIENT_CODES or "packet sequence" in str(error.orig).lower()


def spare_round_trips(engine: Engine) -> None:
    """Ask before a transaction only whether an idle connection lives, and roll back after it only what is open."""

    def note_use(_: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = monotonic()

    def ping_idle(connection: DBAPIConnection, record: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
        is_idle = monotonic() - record.info.get("used_at", monotonic()) > PING_AFTER_SECONDS
        if is_idle and not engine.dialect._do_ping_w_event(connection):  # noqa: SLF001 - what `pool_pre_ping` calls
            raise InvalidatePoolError

    event.listen(engine, "checkin", note_use)
    event.listen(engine, "checkout", ping_idle)
    event.listen(engine, "reset", _roll_back_open)


def _roll_back_open(connection: DBAPIConnection, _: ConnectionPoolEntry, state: PoolResetState) -> None:
    """Leave no transaction to the connection's next user; the server says with each answer whether there is one."""
    if state.asyncio_safe and connection.driver_connection.get_transaction_status():
        connection.rollback()


def mend_driver() -> None:
    """Let aiomysql escape bytes: PyMySQL 1.2.3 has put a text where it imports a function (aio-libs/aiomysql#1080)."""
    from aiomysql import connection

    if not callable(connection.escape_bytes_prefixed):
        connection.escape_bytes_prefixed = _escape_bytes


def _escape_bytes(value: bytes, _: object = None) -> str:
    return f"_binary X'{value.hex()}'"
