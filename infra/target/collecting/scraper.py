"""PrometheusMetric: a Worker's endpoint is scraped while the Worker runs, and every scrape is kept."""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from infra.target.collecting.endpoint import Endpoint, ScrapeError, fetch, wanted_values
from infra.target.collecting.series import Note, Series
from infra.target.processes import Identity, all_processes

_LISTENS = "0A"
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


class Scraper:
    """Scrapes one Worker, one scrape at a time and in a thread of its own: a Worker that hangs delays nobody."""

    def __init__(
        self, endpoint: Endpoint, metric_names: Sequence[str], series: Series, note: Note, *, own_port: int | None
    ) -> None:
        """`own_port` is the one that the Worker was offered, so that several Workers fit on one host."""
        self._endpoint = endpoint
        self._names = tuple(dict.fromkeys(metric_names))
        self._series = series
        self._note = note
        self._ports = tuple(dict.fromkeys(port for port in (own_port, endpoint.port) if port))
        self._port: int | None = None
        self._next_at = 0.0
        self._running: Future[None] | None = None
        series.repair()

    def advance(self, identity: Identity, pool: ThreadPoolExecutor, interval_seconds: float) -> None:
        """Begin a scrape where the last one is over and long enough ago."""
        is_free = self._running is None or self._running.done()
        if is_free and time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + interval_seconds
            self._running = pool.submit(self._scrape, identity)

    def _scrape(self, identity: Identity) -> None:
        """Keep what the endpoint says now; note why it said nothing."""
        try:
            self._port = self._port or self._find_port(identity)
            values = wanted_values(fetch(self._endpoint, self._port), self._names)
        except ScrapeError as error:
            place = f"port {self._port} " if self._port else ""
            self._note.write(f"nothing was scraped when last tried: {place}{error}")
            self._port = None
            return
        at = time.time()
        self._series.append([{"timestamp": time_ or at, name: value} for name, (value, time_) in values.items()])

    def _find_port(self, identity: Identity) -> int:
        """Return a port on which this Worker itself listens: on a shared host another's metrics may be next door."""
        mine = listening_ports(identity)
        for port in self._ports:
            if port in mine:
                return port
        ports = " or ".join(map(str, self._ports))
        raise ScrapeError(f"the Worker does not listen on port {ports} (KUTTAB_METRICS_PORT is {self._ports[0]})")


def listening_ports(leader: Identity) -> set[int]:
    """Return the TCP ports on which processes of this session listen."""
    ports = {inode: port for table in _TABLES for inode, port in _listeners(table)}
    inodes = {inode for stat in all_processes() if stat.session == leader.pid for inode in _sockets(stat.pid)}
    return {ports[inode] for inode in inodes & ports.keys()}


def _listeners(table: Path) -> list[tuple[str, int]]:
    """Return (inode, port) of each socket that listens."""
    try:
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return []
    return [(row[9], int(row[1].rpartition(":")[2], 16)) for row in rows if row[3] == _LISTENS]


def _sockets(pid: int) -> list[str]:
    """Return the inodes of the sockets that a process has open."""
    found = []
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            target = str(entry.readlink())
            if target.startswith("socket:["):
                found.append(target[len("socket:[") : -1])
    except OSError:
        return found
    return found
