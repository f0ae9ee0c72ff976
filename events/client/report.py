"""report_metrics(): what a training script calls, wherever it runs; the environment says where the points go."""

import atexit
import math
import os
import socket
import threading
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import SupportsFloat

from ..envelope import Event, new_id
from ..observation import TOKEN, MetricPoint, MetricRange, MetricReported
from ..reference import ExperimentRef, TrialRef
from ..resource import to_wire_time
from .errors import PublishError
from .publisher import Publisher

PATIENCE_SECONDS = 60.0
"""How long a broker that is away is tried again: a training that took hours should outlive a broker's restart."""
MAX_WAITING = 1_000
"""Reports that could not be published and are tried again with the next one."""
_RANKS = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID", "JOB_COMPLETION_INDEX")
"""How launchers of distributed jobs name a process's number: torchrun, Open MPI, MPICH, Slurm, Kubernetes."""

_lock = threading.Lock()
_reporters: dict[int, "Reporter"] = {}
"""By process id: a child that was forked numbers its own points."""


def report_metrics(metrics: Mapping[str, SupportsFloat | str], timestamp: datetime | float | str | None = None) -> None:
    """Report the values of metrics at one moment; return when they are safe.

    In a Worker of collector kind Push the points are published to the broker that its environment names. Everywhere
    else they are printed to standard output as `name=value`, which the StdOut collector reads: a script needs no
    change to run under either, or by itself. Any process of a distributed job may call this, from any thread.

    Args:
        metrics: Metric name → a number, as a number, a text, or what `float` takes, such as a tensor of one element.
        timestamp: When this was measured: a datetime, seconds since 1970, or RFC 3339; now unless it is given.

    Raises:
        ValueError: A value is no number, or the timestamp is no moment. Nothing was reported.
        PublishError: The broker could not be reached; the next report, or the end of the process, tries again.
    """
    values = {name: _to_text(name, value) for name, value in metrics.items()}
    if not values:
        return
    moment = _to_moment(timestamp)
    if not (os.environ.get("KUTTAB_BROKER_URL") and os.environ.get("KUTTAB_TRIAL_UID")):
        _print(values, None if timestamp is None else moment)
        return
    _reporter().report(values, moment)


class Reporter:
    """Numbers the points of one process and publishes them over one connection."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read which attempt of which Trial this is. Raises PublishError where the broker's URL is not understood."""
        self._about = {
            "experiment": ExperimentRef(
                namespace=environment.get("KUTTAB_NAMESPACE", "default"),
                name=environment["KUTTAB_EXPERIMENT"],
                uid=environment["KUTTAB_EXPERIMENT_UID"],
            ),
            "trial": TrialRef(
                name=environment["KUTTAB_TRIAL_NAME"],
                uid=environment["KUTTAB_TRIAL_UID"],
                number=int(environment["KUTTAB_TRIAL_NUMBER"]),
            ),
            "attempt": int(environment["KUTTAB_ATTEMPT"]),
        }
        token = environment.get("KUTTAB_TOKEN")
        self._extensions = {TOKEN: token} if token else {}
        self._source = _source_name(environment)
        self._publisher = Publisher(environment["KUTTAB_BROKER_URL"], patience_seconds=PATIENCE_SECONDS)
        self._count = 0
        self._waiting: deque[Event] = deque()
        self._lock = threading.Lock()

    def report(self, values: Mapping[str, str], at: datetime) -> None:
        """Publish one point of each metric; they share a position."""
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                raise PublishError(f"{MAX_WAITING} reports could not be published")
            points = tuple(MetricPoint(position=self._count, name=it, value=values[it], time=at) for it in values)
            self._waiting.append(self._event(self._count, self._count + 1, points))
            self._count += 1
            self._flush()

    def close(self) -> None:
        """Say how many points there were, so that the Trial need not wait for more."""
        with self._lock:
            self._waiting.append(self._event(self._count, self._count, (), is_last=True))
            try:
                self._flush()
            finally:
                self._publisher.close()

    def _flush(self) -> None:
        """Publish what waits, in order; what could not be published waits on."""
        while self._waiting:
            self._publisher.publish(self._waiting[0])
            self._waiting.popleft()

    def _event(self, start: int, end: int, points: tuple[MetricPoint, ...], *, is_last: bool = False) -> Event:
        found = MetricRange(source=self._source, start=start, end=end, pushed=True, is_last=is_last, points=points)
        return MetricReported.model_validate({**self._about, "range": found, "extensions": self._extensions})


def _reporter() -> Reporter:
    """Return this process's reporter; the first report makes it."""
    with _lock:
        reporter = _reporters.get(os.getpid())
        if reporter is None:
            reporter = _reporters[os.getpid()] = Reporter(os.environ)
            _close_at_end(os.getpid())
        return reporter


def _close_at_end(pid: int) -> None:
    """Close when the process ends; a child of multiprocessing ends without `atexit`."""
    from multiprocessing import parent_process, util

    if parent_process() is not None:
        util.Finalize(None, _close, args=(pid,), exitpriority=0)
    else:
        atexit.register(_close, pid)


def _close(pid: int) -> None:
    """Close the reporter in the process that made it, and not in one that was forked from it."""
    if pid == os.getpid() and (reporter := _reporters.pop(pid, None)) is not None:
        reporter.close()


def _source_name(environment: Mapping[str, str]) -> str:
    """Return a name that no other process of this Trial has: rank, host, process id and chance."""
    rank = next((environment[name] for name in _RANKS if environment.get(name)), "")
    return "-".join(filter(None, ("push", rank[:16], socket.gethostname()[:40], str(os.getpid()), new_id()[-12:])))


def _to_text(name: str, value: SupportsFloat | str) -> str:
    """Return the number as the text that was given, or as Python writes it. Raises ValueError."""
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        message = f"metric {name!r}: {value!r:.100} is not a number"
        raise ValueError(message) from error
    if isinstance(value, str):
        return value.strip()
    return str(int(value)) if isinstance(value, int) else repr(number)


def _to_moment(timestamp: datetime | float | str | None) -> datetime:
    """Return the moment; a datetime without a zone is local time. Raises ValueError."""
    if timestamp is None:
        return datetime.now(UTC)
    try:
        if isinstance(timestamp, str):
            timestamp = datetime.fromisoformat(timestamp)
        if isinstance(timestamp, datetime):
            return timestamp.astimezone(UTC)
        if math.isfinite(timestamp):
            return datetime.fromtimestamp(timestamp, UTC)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        message = f"timestamp: {timestamp!r:.100} is not a moment"
        raise ValueError(message) from error
    message = f"timestamp: {timestamp!r} is not a moment"
    raise ValueError(message)


def _print(values: Mapping[str, str], at: datetime | None) -> None:
    """Write one line as the StdOut collector reads it; the time stands before the first space."""
    words = [f"{name}={value}" for name, value in values.items()]
    print(*([to_wire_time(at)] if at else []), *words, flush=True)  # noqa: T201 - standard output is what is read
