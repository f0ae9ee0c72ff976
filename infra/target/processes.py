"""Processes of this host through /proc: who one is, whether it lives, and which belong to a Worker."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_DEAD = frozenset("ZXx")
_KILL_ROUNDS = 100
_KILL_ROUND_SECONDS = 0.01
"""A second in all: a process that a SIGKILL has not ended by then hangs in the kernel."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A process for good: its pid may soon be another's, but not with this start time in this boot."""

    pid: int
    start_ticks: int
    boot_id: str


@dataclass(frozen=True, slots=True)
class ProcessStat:
    """The fields of /proc/<pid>/stat that matter here."""

    pid: int
    state: str
    parent_pid: int
    group: int
    session: int
    start_ticks: int


@cache
def boot_id() -> str:
    """Return the identity of this boot of the machine."""
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def seconds_since_boot() -> float:
    """Return a clock that no one sets and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def age_seconds(identity: Identity) -> float:
    """Return how long ago the process was started."""
    return seconds_since_boot() - identity.start_ticks / os.sysconf("SC_CLK_TCK")


def find_stat(pid: int) -> ProcessStat | None:
    """Return the process's state, or None where there is no such process."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The command's name stands in brackets and may itself hold brackets and spaces.
    fields = text.rpartition(")")[2].split()
    state, parent, group, session = fields[0], *map(int, fields[1:4])
    return ProcessStat(pid, state, parent, group, session, int(fields[19]))


def is_alive(identity: Identity) -> bool:
    """Tell whether exactly this process lives; one that ended as our child is reaped."""
    stat = find_stat(identity.pid)
    if stat is None or stat.start_ticks != identity.start_ticks or identity.boot_id != boot_id():
        return False
    if stat.state == "Z" and stat.parent_pid == os.getpid():
        with contextlib.suppress(ChildProcessError):
            os.waitpid(identity.pid, os.WNOHANG)
    return stat.state not in _DEAD


def all_processes() -> Iterator[ProcessStat]:
    """Yield every process that lives on this host."""
    for entry in os.listdir(_PROC):  # noqa: PTH208 - of thousands of names, most are only looked at
        stat = find_stat(int(entry)) if entry.isdigit() else None
        if stat is not None and stat.state not in _DEAD:
            yield stat


def find_members(leader: Identity, marks: frozenset[bytes]) -> list[ProcessStat]:
    """Return the living processes of a session, and those that have left it but bear all marks in their environment.

    Where the leader itself is gone its number may be a stranger's: then the marks decide alone.
    """
    if leader.boot_id != boot_id():
        return []
    is_led = is_alive(leader)
    return [stat for stat in all_processes() if (is_led and stat.session == leader.pid) or has_marks(stat.pid, marks)]


def has_marks(pid: int, marks: frozenset[bytes]) -> bool:
    """Tell whether the process was started with all of these `NAME=value` entries."""
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return marks <= set(environment.split(b"\0"))


def terminate(leader: Identity, marks: frozenset[bytes]) -> None:
    """Send SIGTERM once to each process: to the leader's group as a whole, then to who has left it."""
    members = find_members(leader, marks)
    is_led = any(stat.pid == leader.pid for stat in members)
    if is_led:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader.pid, signal.SIGTERM)
    for stat in members:
        if not (is_led and stat.group == leader.pid):
            _send(stat, signal.SIGTERM)


def kill_all(leader: Identity, marks: frozenset[bytes], *, spare_leader: bool = False) -> bool:
    """Send SIGKILL until nothing is left, and tell whether that was reached.

    A spared leader sees its program end and writes down how.
    """
    for _ in range(_KILL_ROUNDS):
        members = [stat for stat in find_members(leader, marks) if not (spare_leader and stat.pid == leader.pid)]
        if not members:
            return True
        for stat in members:
            _send(stat, signal.SIGKILL)
        time.sleep(_KILL_ROUND_SECONDS)
    return False


def _send(stat: ProcessStat, number: signal.Signals) -> None:
    """Signal a process that was seen a moment ago, unless its pid is another's by now."""
    now = find_stat(stat.pid)
    if now is not None and now.start_ticks == stat.start_ticks:
        with contextlib.suppress(ProcessLookupError):
            os.kill(stat.pid, number)
