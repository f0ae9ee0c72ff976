"""What must hold after every commit, at every launch and at rest: the promises, checked on the raw rows."""

import json
import sqlite3
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from events.experiment import ExperimentFinished
from functions.experiment.counting import COUNTER_OF
from functions.experiment.measuring import Measures
from functions.suggestion.history import History
from functions.trial.model import ACTIVE, TrialState
from functions.worker import Worker
from infra.target.simulated import SimulatedTarget
from tests.simulation.searches import Searches, find_wrong_seed, recount_front

if TYPE_CHECKING:
    from tests.simulation.world import World

_COUNTERS = ("pending", "running", "succeeded", "failed", "killed", "early_stopped", "metrics_unavailable")
_FAILED = ("Failed", "MetricsUnavailable")
_FINAL = ("UserError", "Timeout", "MetricsUnavailable")
"""Classes that another attempt would not mend."""
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
        self._attempts: dict[tuple[str, int], list[Any]] = {}
        self.notified: dict[tuple[str, int, str], set[str]] = defaultdict(set)
        self.launches: dict[tuple[str, int], int] = defaultdict(int)
        self.logs: dict[tuple[str, int], bytes] = {}
        self._searches = Searches(self.rows)

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
            self._check_life(experiment, trials)
            self._check_search(experiment, trials)
            self._world.sightings.note_rows(experiment, trials)

    def _check_search(self, experiment: dict[str, Any], trials: list[dict[str, Any]]) -> None:
        """Check the front and the seeds where there are any; most Experiments need not be read for that."""
        if '"objectives"' not in experiment["spec"] and '"seedTrials"' not in experiment["spec"]:
            return
        spec = json.loads(experiment["spec"])
        if spec.get("objectives"):
            front, expected = {it["trialName"] for it in json.loads(experiment["front"])}, recount_front(trials)[0]
            expect(front == expected, f"the front is {front}, not {expected}")
        wrong = find_wrong_seed(spec, trials)
        expect(not wrong, wrong)

    def note_history(self, uid: str, history: History) -> None:
        """Check what a search is told."""
        lie = self._searches.find_lie(uid, history)
        expect(not lie, lie)

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
        done = [it for it in trials if it["state"] in {"Succeeded", "EarlyStopped"} and it["value"] is not None]
        kept = [it for it in done if Measures.unpack(it["measures"]).is_feasible]
        expect(
            experiment["feasible_count"] == len(kept), f"{experiment['feasible_count']} are not {len(kept)} feasible"
        )
        best = min((trial["value"] for trial in kept), default=None)
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

    def _check_life(self, experiment: dict[str, Any], trials: list[dict[str, Any]]) -> None:
        """Check retries, stagnation, the deadline, and that an end has stopped what it says it stops."""
        spec, world = json.loads(experiment["spec"]), self._world
        is_open = experiment["completed_at"] is None and experiment["deleted_at"] is None
        retries = spec.get("maxRetries", world.limits.max_attempts - 1)
        for trial in trials:
            self._check_attempts(trial, retries)
        if experiment["restarted_at"] is None:
            stale = recount_front(trials)[1] if spec.get("objectives") else _count_stale(trials)
            expect(experiment["stale_count"] == stale, f"{experiment['stale_count']} stale results are not {stale}")
        most = spec.get("maxTrialsWithoutImprovement")
        expect(not (is_open and most and experiment["stale_count"] >= most), "it goes on without improvement")
        began = experiment["restarted_at"] or experiment["created_at"]
        newest = max((trial["created_at"] for trial in trials), default=began)
        seconds = spec.get("maxDurationSeconds")
        expect(not (is_open and seconds and _apart(began, newest) >= seconds), "a Trial was created after the time")
        is_told = not is_open and experiment["notified_completion"] >= experiment["completion"] > 0
        if is_told and not experiment["deleted_at"] and spec.get("onComplete") == "stop":
            left = [it["name"] for it in trials if it["state"] in ACTIVE and it["stop_reason"] is None]
            expect(not left, f"the end was told, and nobody stops {left}")

    def _check_attempts(self, trial: dict[str, Any], retries: int) -> None:
        key, kept = (trial["experiment_uid"], trial["number"]), json.loads(trial["attempts"])
        known = self._attempts.get(key, [])
        expect(kept[: len(known)] == known, f"an attempt of {key} was forgotten or changed")
        self._attempts[key] = kept
        expect([it["attempt"] for it in kept] == list(range(1, trial["attempt"])), f"attempts of {key} have gaps")
        expect(len(kept) <= retries, f"{key} was tried again {len(kept)} times, {retries} are allowed")
        expect((trial["failure"] is not None) == (trial["state"] in _FAILED), f"{key} has class {trial['failure']}")
        expect(not any(it["failureClass"] in _FINAL for it in kept), f"{key} was tried again in vain: {kept}")

    def note_launched(self, worker: Worker, target: SimulatedTarget) -> None:
        """Check a launch: one Worker per attempt, and only of the current attempt."""
        key = (worker.trial.uid, worker.attempt)
        alive = [it for it in (*self._world.local.values(), self._world.cluster) if key in it.living()]
        expect(len(alive) <= 1, f"{key} lives {len(alive)} times")
        self.launches[key] += 1
        expect(self.launches[key] == 1, f"{key} was launched {self.launches[key]} times")
        rows = self.rows("SELECT attempt FROM trials WHERE uid = ?", worker.trial.uid)
        expect(not rows or rows[0]["attempt"] >= worker.attempt, "an attempt was launched before it was recorded")
        self._world.pushers.note_launched(worker, target)
        self.logs[key] = b"".join(f"{text}\n".encode() for _, text in target.script_of(worker).lines)

    def note_notified(self, sink: str, event: ExperimentFinished) -> None:
        """Check a notification: one id a completion, and never of a superseded one."""
        ids = self.notified[event.experiment.uid, event.completion, sink]
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
                for sink in ("webhook", "mail"):
                    told = self.notified.get((experiment["uid"], experiment["completion"], sink))
                    expect(bool(told) or experiment["nudges"] > 0, f"a completion was not told to {sink}")
        expect(not self.rows("SELECT uid FROM tombstones JOIN experiments USING (uid)"), "a tombstone revived")
        self._check_points()
        self._check_rungs()
        self._check_grids()

    def _check_grids(self) -> None:
        """No grid point is visited twice: what an algorithm decided is committed with the Trials it led to."""
        for experiment in self.rows("SELECT * FROM experiments"):
            if (json.loads(experiment["spec"]).get("algorithm") or {}).get("algorithmName") == "grid":
                query = "SELECT assignments FROM trials WHERE experiment_uid = ?"
                points = [row["assignments"] for row in self.rows(query, experiment["uid"])]
                expect(len(points) == len(set(points)), "a grid point was suggested twice")

    def _check_rungs(self) -> None:
        """Nobody is stopped early without a rule; a rung holds what its Trial had when it came there, and no other."""
        for experiment in self.rows("SELECT * FROM experiments"):
            stopping = json.loads(experiment["spec"]).get("earlyStopping") or {}
            for trial in self.rows("SELECT * FROM trials WHERE experiment_uid = ?", experiment["uid"]):
                if trial["state"] == "EarlyStopped":
                    expect(bool(stopping), "a Trial was stopped early in an Experiment without early stopping")
                    expect(trial["message"].startswith("Trial is early stopped: "), "an early stop has no reason")
                if stopping.get("algorithmName") == "asha" and stopping.get("algorithmSettings"):
                    self._check_halving(trial)
        orphans = "SELECT 1 FROM rungs WHERE NOT EXISTS (SELECT 1 FROM experiments WHERE uid = experiment_uid)"
        expect(not self.rows(orphans), "a rung outlived its Experiment")

    def _check_halving(self, trial: dict[str, Any]) -> None:
        """Check the rungs at reports 1, 2, 4 and 8 of a Trial that came to its end in its first attempt."""
        if trial["attempt"] > 1 or trial["state"] not in {"Succeeded", "EarlyStopped"} or trial["pushers"] != "{}":
            return
        query = "SELECT value, metric FROM observation_logs WHERE trial_uid = ? AND source = ? ORDER BY position"
        points = self.rows(query, trial["uid"], trial["log_source"])
        losses = [float(point["value"]) for point in points if point["metric"] == "loss"]
        left = self.rows(
            "SELECT rung, value FROM rungs WHERE experiment_uid = ? AND number = ?",
            trial["experiment_uid"],
            trial["number"],
        )
        due = {str(rung): min(losses[: 2**rung]) for rung in range(len(losses).bit_length())}
        found = {row["rung"]: row["value"] for row in left}
        expect(found.items() <= due.items(), f"rungs {found} are not those of the reports, {due}")
        is_killed = trial["stop_reason"] == "Killed"
        expect(bool(found) or not due or is_killed, "a Trial came to a rung and left nothing")
        is_judged_to_its_end = trial["stop_reason"] is None
        expect(not is_judged_to_its_end or found == due, f"of the rungs {due} only {found} were reached")

    def _check_points(self) -> None:
        for trial in self.rows("SELECT * FROM trials WHERE state = 'Succeeded' AND target != 'external'"):
            key = (trial["uid"], trial["attempt"])
            expect(key in self.logs, f"{key} succeeded and was never launched")
            log = self.logs[key].decode()
            query = "SELECT value, metric FROM observation_logs WHERE trial_uid = ? AND source = ? ORDER BY position"
            expect(trial["log_source"].endswith(f"/{trial['attempt']}"), "folded from an older attempt's log")
            points = self.rows(query, trial["uid"], trial["log_source"])
            stored = [point["value"] for point in points if point["metric"] == "loss"]
            written = [line.split("loss=")[1].split()[0] for line in log.splitlines() if "loss=" in line]
            whole = json.loads(trial["outcome"])["data"].get("logEnd")
            if json.loads(trial["pushers"]):
                expect(set(stored) <= set(written), f"stored points {stored} were never pushed: {written}")
            elif trial["cursor"] >= (whole or 0):
                expect(stored == written, f"stored points {stored} are not the log's {written}")


def _count_stale(trials: list[dict[str, Any]]) -> int:
    """Count the results in a row, in the order in which they came, that were no better than the best before."""
    best, stale = None, 0
    done = [it for it in trials if it["state"] in {"Succeeded", "EarlyStopped"} and it["value"] is not None]
    for trial in sorted(done, key=lambda it: it["seq"]):
        is_better = (best is None or trial["value"] < best) and Measures.unpack(trial["measures"]).is_feasible
        best, stale = (trial["value"], 0) if is_better else (best, stale + 1)
    return stale


def _apart(first: str, second: str) -> float:
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()


def expect(holds: bool, message: str) -> None:
    """Raise where a promise is broken."""
    if not holds:
        raise BrokenPromiseError(message)
