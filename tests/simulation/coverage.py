"""What came about in the worlds of some seeds: a promise that nothing tries to break is not tested."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from events.envelope import decode
from events.experiment import ExperimentCreated, ExperimentDeleteRequested, ExperimentEdited, ExperimentStopRequested
from events.observation import MetricReported
from events.reference import TrialEvent
from events.trial import TrialDeleteRequested, TrialFinished
from functions.trial.model import ACTIVE

if TYPE_CHECKING:
    from tests.simulation.chaos import Message
    from tests.simulation.world import World

_OF_CLIENTS = {
    ExperimentCreated: "Experiments created, doubles too",
    ExperimentEdited: "edits",
    ExperimentStopRequested: "stops",
    ExperimentDeleteRequested: "deletions",
    TrialDeleteRequested: "deletions of a Trial",
}

EXPECTED = frozenset(
    {
        *_OF_CLIENTS.values(),
        "Experiments restarted",
        "Trials that end as EarlyStopped",
        "Trials that end as Failed",
        "Trials that end as Killed",
        "Trials that end as MetricsUnavailable",
        "Trials that end as Succeeded",
        "Trials that push",
        "attempts tried again: LaunchFailed",
        "attempts tried again: Preempted",
        "attempts tried again: WorkerLost",
        "clocks that jump",
        "crashes before a commit",
        "crashes between two steps",
        "ends late: after their Experiment's",
        "hosts lost",
        "messages doubled",
        "messages late",
        "messages lost",
        "metrics late: after their Trial's end",
        "searches that raise",
        "sinks that cannot be reached",
        "transactions refused",
    }
)
"""What some tens of seeds must bring about."""


class Sightings:
    """Counts what comes about in one world, into the counter of its clockwork."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._restarts: dict[str, str] = {}
        self._ended: set[tuple[str, int]] = set()

    @property
    def _happened(self) -> Counter[str]:
        return self._world.clockwork.happened

    def note_delivered(self, batch: Iterable["Message"]) -> None:
        """Count what a delivery brings, by the rows that it meets."""
        for message in batch:
            event = decode(message.body)
            if type(event) in _OF_CLIENTS:
                self._happened[_OF_CLIENTS[type(event)]] += 1
            elif isinstance(event, MetricReported | TrialFinished):
                self._note_worker_event(event)

    def _note_worker_event(self, event: TrialEvent) -> None:
        query = "SELECT state, attempt, phase FROM trials JOIN experiments ON experiments.uid = experiment_uid"
        for row in self._world.inspector.rows(f"{query} WHERE trials.uid = ?", event.trial.uid):
            is_metric = isinstance(event, MetricReported)
            if is_metric and event.attempt < row["attempt"]:
                self._happened["metrics of an older attempt"] += 1
            elif is_metric and row["state"] not in ACTIVE:
                self._happened["metrics late: after their Trial's end"] += 1
            elif not is_metric and row["phase"] in {"Succeeded", "Failed"} and row["state"] in ACTIVE:
                self._happened["ends late: after their Experiment's"] += 1

    def note_rows(self, experiment: dict[str, Any], trials: list[dict[str, Any]]) -> None:
        """Count, after a commit, what it has brought about."""
        uid, restarted_at = experiment["uid"], experiment["restarted_at"]
        if restarted_at is not None and self._restarts.get(uid) != restarted_at:
            self._restarts[uid] = restarted_at
            self._happened["Experiments restarted"] += 1
        for trial in trials:
            key = (uid, trial["number"])
            if trial["state"] not in ACTIVE and key not in self._ended:
                self._ended.add(key)
                self._note_end(trial)

    def _note_end(self, trial: dict[str, Any]) -> None:
        self._happened[f"Trials that end as {trial['state']}"] += 1
        self._happened["Trials that push"] += trial["pushers"] != "{}"
        for attempt in json.loads(trial["attempts"]):
            self._happened[f"attempts tried again: {attempt['failureClass']}"] += 1


def render(happened: Counter[str], seeds: Counter[str]) -> str:
    """Return a table: what came about, how often, and in how many seeds."""
    names = sorted({*happened, *EXPECTED}, key=str.lower)
    return "\n".join(f"{happened[name]:>9} in {seeds[name]:>6} seeds  {name}" for name in names)
