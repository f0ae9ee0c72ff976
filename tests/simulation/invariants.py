"""What must hold after every commit, at every launch and at rest: the promises, checked on the raw rows."""

import json
import sqlite3
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from events.experiment import ExperimentFinished
from functions.experiment.counting import COUNTER_OF
from functions.trial.model import ACTIVE, TrialState
from functions.worker import Worker
from infra.target.simulated import SimulatedTarget

if TYPE_CHECKING:
    from tests.simulation.world import World

_COUNTERS = ("pending", "running", "succeeded", "failed", "killed", "early_stopped", "metrics_unavailable")
_FROZEN = ("state", "value", "fold", "seq", "attempt", "assignments", "completed_at", "outcome", "reason", "message")


class BrokenPromiseError(AssertionError):
    """An invariant does not hold."""


class Inspector:
    """Reads the tables behind everybody's back."""

    def __init__(self, raw: sqlite3.Connection, world: "World") -> None:
        self._raw = raw
        self._world = world
        self._created: dict[str, int] = {}
        self._frozen: dict[tuple[str, int], tuple[Any, ...]] = {}
        self._states: dict[tuple[str, int], str] = {}
        self.notified: dict[tuple[str, int], set[str]] = defaultdict(set)
        self.launches: dict[tuple[str, int], int] = defaultdict(int)
        self.logs: dict[tuple[str, int], bytes] = {}

    def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        """Return rows as dicts."""
        cursor = self._raw.execute(query, arguments)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def check(self) -> None:
        """Check what must hold after every commit."""
        for experiment in self.rows("SELECT * FROM experiments"):
            trials = self.rows("SELECT * FROM trials WHERE experiment_uid = ? ORDER BY number", experiment["uid"])
            if experiment["deleted_at"] and len(trials) < experiment["created_count"]:
                continue
            self._check_budget(experiment, trials)
            self._check_counters(experiment, trials)
            self._check_frozen(experiment, trials)

    def _check_budget(self, experiment: dict[str, Any], trials: list[dict[str, Any]]) -> None:
        uid, spec = experiment["uid"], json.loads(experiment["spec"])
        before, now = self._created.get(uid, 0), experiment["created_count"]
        self._created[uid] = now
        expect(now >= before, "a Trial was uncounted")
        if now > before:
            active = sum(trial["state"] in ACTIVE for trial in trials)
            expect(active <= spec["parallelTrialCount"], f"{active} active Trials exceed the parallel budget")
            expect(now <= spec.get("maxTrialCount", now), f"{now} Trials exceed the budget")
            expect(experiment["phase"] not in {"Succeeded", "Failed"}, "a Trial was created after the end")

    def _check_counters(self, experiment: dict[str, Any], trials: list[dict[str, Any]]) -> None:
        count = dict.fromkeys(_COUNTERS, 0)
        for trial in trials:
            count[COUNTER_OF[TrialState(trial["state"])]] += 1
        counted = {name: experiment[name] for name in _COUNTERS}
        expect(count == counted, f"counters {counted} differ from a recount {count}")
        expect([it["number"] for it in trials] == list(range(1, experiment["created_count"] + 1)), "numbers have gaps")
        seqs = sorted(trial["seq"] for trial in trials if trial["seq"] is not None)
        expect(seqs == list(range(1, experiment["seq"] + 1)), f"finish numbers {seqs} are not dense")
        done = [
            trial for trial in trials if trial["state"] in {"Succeeded", "EarlyStopped"} and trial["value"] is not None
        ]
        best = min((trial["value"] for trial in done), default=None)
        expect(best == experiment["optimal_value"], f"optimal value {experiment['optimal_value']} is not {best}")

    def _check_frozen(self, experiment: dict[str, Any], trials: list[dict[str, Any]]) -> None:
        for trial in trials:
            key = (trial["experiment_uid"], trial["number"])
            if self._states.get(key) == "Pending" and trial["state"] == "Launching":
                expect(experiment["phase"] not in {"Succeeded", "Failed"}, "a Trial was launched after the end")
            self._states[key] = trial["state"]
            if trial["state"] not in ACTIVE:
                now = tuple(trial[name] for name in _FROZEN)
                expect(self._frozen.setdefault(key, now) == now, f"terminal Trial {key} changed")

    def note_launched(self, worker: Worker, target: SimulatedTarget) -> None:
        """Check a launch: one Worker per attempt, and only of the current attempt."""
        key = (worker.trial.uid, worker.attempt)
        alive = [it for it in (*self._world.local.values(), self._world.cluster) if key in it.living()]
        expect(len(alive) <= 1, f"{key} lives {len(alive)} times")
        self.launches[key] += 1
        expect(self.launches[key] == 1, f"{key} was launched {self.launches[key]} times")
        rows = self.rows("SELECT attempt FROM trials WHERE uid = ?", worker.trial.uid)
        expect(not rows or rows[0]["attempt"] >= worker.attempt, "an attempt was launched before it was recorded")
        self.logs[key] = b"".join(f"{text}\n".encode() for _, text in target.script_of(worker).lines)

    def note_notified(self, event: ExperimentFinished) -> None:
        """Check a notification: one id a completion, and never of a superseded one."""
        ids = self.notified[event.experiment.uid, event.completion]
        ids.add(event.id)
        expect(len(ids) == 1, f"one completion was told under {ids}")

    def check_rest(self) -> None:
        """Check what must hold when nothing is left to do."""
        self.check()
        current = {(it["uid"], it["attempt"]) for it in self.rows("SELECT * FROM trials WHERE state = 'Running'")}
        for target in (*self._world.local.values(), self._world.cluster):
            expect(target.living() <= current, f"Workers without a running Trial: {target.living() - current}")
        for experiment in self.rows("SELECT * FROM experiments"):
            expect(not experiment["deleted_at"], "a deleted Experiment remains")
            expect(experiment["phase"] in {"Succeeded", "Failed"}, f"{experiment['name']} has not ended")
            if experiment["error"] == "" and self._world.plan.has_clock:
                told = self.notified.get((experiment["uid"], experiment["completion"]))
                expect(bool(told) or experiment["nudges"] > 0, "a completion was not told")
        expect(not self.rows("SELECT uid FROM tombstones JOIN experiments USING (uid)"), "a tombstone revived")
        self._check_points()
        self._check_grids()

    def _check_grids(self) -> None:
        """No grid point is visited twice: what an algorithm decided is committed with the Trials it led to."""
        for experiment in self.rows("SELECT * FROM experiments"):
            if (json.loads(experiment["spec"]).get("algorithm") or {}).get("algorithmName") == "grid":
                query = "SELECT assignments FROM trials WHERE experiment_uid = ?"
                points = [row["assignments"] for row in self.rows(query, experiment["uid"])]
                expect(len(points) == len(set(points)), "a grid point was suggested twice")

    def _check_points(self) -> None:
        for trial in self.rows("SELECT * FROM trials WHERE state = 'Succeeded' AND target != 'external'"):
            key = (trial["uid"], trial["attempt"])
            expect(key in self.logs, f"{key} succeeded and was never launched")
            log = self.logs[key].decode()
            query = "SELECT value, metric FROM observation_logs WHERE trial_uid = ? AND source = ? ORDER BY position"
            expect(trial["log_source"].endswith(f"/{trial['attempt']}"), "folded from an older attempt's log")
            stored = [row["value"] for row in self.rows(query, trial["uid"], trial["log_source"])]
            written = [line.split("loss=")[1].split()[0] for line in log.splitlines() if "loss=" in line]
            whole = json.loads(trial["outcome"])["data"].get("logEnd")
            if trial["cursor"] >= (whole or 0):
                expect(stored == written, f"stored points {stored} are not the log's {written}")


def expect(holds: bool, message: str) -> None:
    """Raise where a promise is broken."""
    if not holds:
        raise BrokenPromiseError(message)
