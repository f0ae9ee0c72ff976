"""A private MariaDB on a port of its own and in a temporary directory: no root, no system database, no trace."""

import atexit
import contextlib
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from uuid import uuid4

import pymysql
import pytest

from tests.services.install import ensure

SERVER = Path("/usr/sbin/mariadbd")
SYSTEM_TABLES = Path("/usr/share/mysql")
START_SECONDS = 60
STOP_SECONDS = 30
LOCAL = "127.0.0.1"
USER = PASSWORD = "kuttab"  # a toy: the server listens on this machine only
SMALL = (
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--innodb-data-file-path=ibdata1:2M:autoextend",
    "--innodb-temp-data-file-path=ibtmp1:2M:autoextend",
)
"""The defaults reserve hundreds of megabytes for a database of a few rows."""


class MariaDB:
    """A server that may be stopped and started again on the same data and port.

    Character set, collation and isolation are left at the server's defaults (latin1, REPEATABLE READ): the store must
    not depend on anyone having set them.
    """

    def __init__(self, *options: str) -> None:
        """`options` are the server's own, besides those that keep it small and private."""
        ensure(["mariadb-server-core"], [SERVER])
        self._options = options
        self.directory = Path(tempfile.mkdtemp(prefix="kuttab-mariadb-"))
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None
        _bootstrap(self._command)

    @property
    def _command(self) -> list[str]:
        folders = [f"--datadir={self.directory / 'data'}", f"--tmpdir={self.directory / 'tmp'}"]
        user = ["--user=root"] if os.geteuid() == 0 else []
        return [str(SERVER), "--no-defaults", *folders, *SMALL, *user]

    @property
    def pid(self) -> int:
        """The running server's process."""
        assert self._process is not None, "the server is stopped"
        return self._process.pid

    def start(self) -> None:
        """Start the server and return when it answers."""
        listening = [f"--bind-address={LOCAL}", f"--port={self.port}", f"--socket={self.directory / 'socket'}"]
        cheap = ["--skip-log-bin", "--performance-schema=0", "--innodb-flush-log-at-trx-commit=2"]
        files = [f"--pid-file={self.directory / 'pid'}"]
        with (self.directory / "log").open("ab") as log:
            command = [*self._command, *listening, *cheap, *files, "--skip-name-resolve", *self._options]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self._watch = _watch_over(self._process.pid)
        self._wait_until_it_listens()
        with self._cursor() as cursor:
            cursor.execute(f"CREATE USER IF NOT EXISTS {USER}@'{LOCAL}' IDENTIFIED BY '{PASSWORD}'")
            cursor.execute(f"GRANT ALL ON *.* TO {USER}@'{LOCAL}'")

    def stop(self) -> None:
        """Stop the server as an administrator does; clients lose their connections."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._end()

    def kill(self) -> None:
        """Kill the server without a word; InnoDB recovers at the next start."""
        assert self._process is not None, "the server is stopped"
        self._process.kill()
        self._end()

    def _end(self) -> None:
        assert self._process is not None
        assert self._watch is not None
        self._watch.kill()
        self._watch.communicate()
        self._process.wait()
        self._process = self._watch = None

    def remove(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def execute(self, statement: str) -> None:
        """Run an administrator's statement."""
        with self._cursor() as cursor:
            cursor.execute(statement)

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """Yield the URL of a fresh database, which is dropped at the end."""
        name = f"test_{uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield f"mysql+aiomysql://{USER}:{PASSWORD}@{LOCAL}:{self.port}/{name}"
        finally:
            self.execute(f"DROP DATABASE {name}")

    @contextlib.contextmanager
    def _cursor(self) -> "Iterator[pymysql.cursors.Cursor]":
        connection = pymysql.connect(unix_socket=str(self.directory / "socket"), user="root", autocommit=True)
        with connection, connection.cursor() as cursor:
            yield cursor

    def _wait_until_it_listens(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            assert self._process is not None
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.directory / "socket"))
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError((self.directory / "log").read_text()[-2_000:])


def _bootstrap(command: list[str]) -> None:
    """Make the system's tables: what mariadb-install-db does, without the client packages that it needs."""
    for option in command:
        if option.startswith(("--datadir=", "--tmpdir=")):
            Path(option.partition("=")[2]).mkdir()
    files = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")
    text = "CREATE DATABASE mysql;\nUSE mysql;\n" + "".join((SYSTEM_TABLES / file).read_text() for file in files)
    subprocess.run([*command, "--bootstrap", "--log-warnings=0"], input=text.encode(), check=True, capture_output=True)


def _watch_over(pid: int) -> subprocess.Popen[bytes]:
    """End the server also where this process is killed: then the watcher reads the end of its input."""
    return subprocess.Popen(["/bin/sh", "-c", f"read -r _; kill {pid}"], stdin=subprocess.PIPE, start_new_session=True)


def _free_port() -> int:
    """Return a port below the range from which the system gives clients theirs, so that no client can take it."""
    for _ in range(200):
        port = random.randrange(30_000, 32_000)  # RabbitMQ's are lower, three to a server
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((LOCAL, port))
            return port
    raise RuntimeError("no port is free")


@cache
def shared_mariadb() -> MariaDB:
    """Return this process's one server, stopped when the process ends."""
    server = MariaDB()
    atexit.register(server.remove)
    server.start()
    return server


@pytest.fixture
def mariadb() -> MariaDB:
    """Give the process's MariaDB, unless the environment says that tests have no servers."""
    if os.environ.get("KUTTAB_TEST_SERVICES") == "off":
        pytest.skip("KUTTAB_TEST_SERVICES=off leaves out tests that need MariaDB")
    return shared_mariadb()


@pytest.fixture
def mariadb_url(mariadb: MariaDB) -> Iterator[str]:
    """Give the URL of a fresh database."""
    with mariadb.database() as url:
        yield url
