"""SimulatedTarget: Workers that only exist on paper and live in virtual time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from functions.observation.collectors.lines import split_lines
from functions.worker import LaunchRefusedError, LogChunk, Worker, WorkerPhase, WorkerState

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Script:
    """What a simulated Worker will do: print lines at their seconds, then end, or vanish without a trace."""

    seconds: float
    lines: Sequence[tuple[float, str]] = ()
    exit_code: int = 0
    reason: str = ""
    """What the target says of an exit code other than 0, such as `Preempted`."""
    vanishes: bool = False
    refusal: str = ""
    refusal_reason: str = "Refused"


@dataclass(slots=True)
class _Life:
    script: Script
    started_at: datetime
    stopped_at: datetime | None = None
    ended_skew: timedelta | None = None
    """How far the target's clock was off when the end was first seen."""

    def ends_at(self) -> datetime:
        """Return when the Worker ends, by its script or by a stop."""
        planned = self.started_at + timedelta(seconds=self.script.seconds)
        return planned if self.stopped_at is None else min(planned, self.stopped_at)

    def log_at(self, now: datetime) -> bytes:
        """Return what has been written."""
        until = (min(now, self.ends_at()) - self.started_at).total_seconds()
        return "".join(f"{text}\n" for second, text in self.script.lines if second <= until).encode()


def read_script(worker: Worker) -> Script:
    """Read `spec.seconds` and `spec.lines` of a `kuttab.dev/v1 Simulated` manifest."""
    spec = worker.manifest.get("spec")
    found = spec if isinstance(spec, dict) else {}
    seconds, lines = found.get("seconds", 1), found.get("lines", [])
    if not isinstance(seconds, int | float) or not isinstance(lines, list):
        raise LaunchRefusedError("InvalidManifest", "spec.seconds must be a number and spec.lines a list")
    return Script(float(seconds), [(0.0, str(line)) for line in lines])


class SimulatedTarget:
    """The port `LocalTarget`, without any process."""

    def __init__(
        self,
        now: Callable[[], datetime],
        script: Callable[[Worker], Script] = read_script,
        *,
        skew: Callable[[], timedelta] = timedelta,
    ) -> None:
        """`now` is the time that passes for Workers; what the target says of it is off by `skew`, which may jump."""
        self._now = now
        self._skew = skew
        self._script = script
        self._lives: dict[tuple[str, int], _Life] = {}

    def find(self, worker: Worker) -> _Life | None:
        """Return the Worker's life; one that has vanished is unknown."""
        life = self._lives.get((worker.trial.uid, worker.attempt))
        return None if life and life.script.vanishes and self._now() >= life.ends_at() else life

    def knows(self, worker: Worker) -> bool:
        """Tell whether the Worker was launched here and not removed."""
        return (worker.trial.uid, worker.attempt) in self._lives

    def written_count(self, worker: Worker) -> int | None:
        """Return how many lines the Worker has written, or None where it was never here or is gone."""
        life = self._lives.get((worker.trial.uid, worker.attempt))
        return len(life.log_at(self._now()).splitlines()) if life else None

    def script_of(self, worker: Worker) -> Script:
        """Return what a Worker that lives or lived here does."""
        return self._lives[worker.trial.uid, worker.attempt].script

    def living(self) -> set[tuple[str, int]]:
        """Return (trial uid, attempt) of the Workers that live now."""
        now = self._now()
        return {key for key, life in self._lives.items() if now < life.ends_at()}

    def lose_all(self) -> None:
        """Let every Worker vanish, as when their machine starts anew: that they were launched is remembered."""
        for life in self._lives.values():
            life.script = replace(life.script, vanishes=True)
            life.stopped_at = self._now()

    async def launch(self, worker: Worker) -> str:
        """Begin the Worker's life, unless it has one."""
        if (worker.trial.uid, worker.attempt) not in self._lives:
            script = self._script(worker)
            if script.refusal:
                raise LaunchRefusedError(script.refusal_reason, script.refusal)
            self._lives[worker.trial.uid, worker.attempt] = _Life(script, self._now())
        return f"simulated/{worker.trial.uid}/{worker.attempt}"

    async def look(self, worker: Worker) -> WorkerState:
        """Return how the Worker stands now."""
        life = self.find(worker)
        if life is None:
            return WorkerState(WorkerPhase.MISSING, reason="WorkerLost", message="the simulated Worker is gone")
        if self._now() < life.ends_at():
            return WorkerState(WorkerPhase.RUNNING, started_at=life.started_at + self._skew())
        if life.ended_skew is None:
            life.ended_skew = self._skew()
        was_stopped = life.stopped_at is not None and life.ends_at() == life.stopped_at
        code = 143 if was_stopped else life.script.exit_code
        phase = WorkerPhase.SUCCEEDED if code == 0 else WorkerPhase.FAILED
        message = "" if code == 0 else f"exit code {code}"
        ended_at, looked_at = life.ends_at() + life.ended_skew, self._now() + self._skew()
        times = {"started_at": life.started_at + life.ended_skew, "ended_at": ended_at, "looked_at": looked_at}
        own = "" if was_stopped else life.script.reason
        return WorkerState(phase, code, "" if code == 0 else own or "Error", message, **times)

    async def read_log(self, worker: Worker, start: int, *, is_over: bool) -> LogChunk:
        """Return whole lines from this byte on."""
        life = self.find(worker)
        source = f"{worker.trial.uid}/{worker.attempt}"
        if life is None:
            return LogChunk(source, start, start)
        log = life.log_at(self._now())
        lines, end = split_lines(log[start : start + _CHUNK_BYTES], start, is_over=is_over)
        return LogChunk(source, start, end, lines, has_more=start < end < len(log))

    async def stop(self, worker: Worker) -> None:
        """End the Worker now."""
        life = self.find(worker)
        if life is not None and life.stopped_at is None:
            life.stopped_at = self._now()

    async def remove(self, worker: Worker) -> None:
        """Forget the Worker."""
        self._lives.pop((worker.trial.uid, worker.attempt), None)

    async def purge(self, trial_uid: str) -> None:
        """Forget every attempt of the Trial."""
        for key in [key for key in self._lives if key[0] == trial_uid]:
            del self._lives[key]

    async def list_workers(self) -> tuple[tuple[str, int], ...]:
        """Return the Workers that live."""
        return tuple(sorted(self.living()))

    async def list_kept(self) -> Mapping[str, frozenset[str]]:
        """Return nothing: a removed Worker leaves nothing behind."""
        return {}
