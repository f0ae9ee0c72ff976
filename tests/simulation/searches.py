"""What must hold of the search: the front, the seeds, and what the algorithm is told, recounted from the raw rows."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from functions.experiment.measuring import Measures
from functions.suggestion.history import History
from functions.suggestion.history_cache import HistoryCache

Row = dict[str, Any]
Rows = Callable[..., list[Row]]


class SpyHistories(HistoryCache):
    """The histories of one process; what a search is about to be told is looked at."""

    def __init__(self, note: Callable[[str, History], None]) -> None:
        super().__init__()
        self._note = note

    def put(self, uid: str, history: History) -> None:
        self._note(uid, history)
        super().put(uid, history)


class Searches:
    """What was told at the first search of each Experiment: what is known before it never changes."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._priors: dict[str, tuple[list[float], ...]] = {}

    def find_lie(self, uid: str, history: History) -> str:
        """Return what is wrong with a history: it holds the finishes in their order, after what was known before."""
        begin = history.prior_count
        query = "SELECT number, value, measures FROM trials WHERE experiment_uid = ? AND seq <= ? ORDER BY seq"
        finished = self._rows(query, uid, history.last_seq)
        numbers = history.numbers[begin:].tolist()
        if numbers != [it["number"] for it in finished]:
            return f"the search is told of {numbers}, and {[it['number'] for it in finished]} have finished"
        width = history.losses.shape[1]
        if [_keys(it) for it in history.losses[begin:].tolist()] != [_keys(losses_of(it, width)) for it in finished]:
            return "the search is told of other losses than were observed"
        told = tuple(map(_keys, [*history.rows[:begin].tolist(), *history.losses[:begin].tolist()]))
        is_same = self._priors.setdefault(uid, told) == told
        return "" if is_same or self._has_lost_source(uid) else "what is known before the first Trial has changed"

    def _has_lost_source(self, uid: str) -> bool:
        """Tell whether an earlier Experiment is being deleted: it is no longer read then."""
        (experiment,) = self._rows("SELECT warm_sources FROM experiments WHERE uid = ?", uid)
        for source in json.loads(experiment["warm_sources"]):
            query = "SELECT uid FROM experiments WHERE uid = ? AND deleted_at IS NULL"
            if not self._rows(query, source["uid"]):
                return True
        return False


def losses_of(trial: Row, width: int) -> list[float]:
    """Return the losses of a Trial, all of which are minimized."""
    others = Measures.unpack(trial["measures"]).others or (math.nan,) * (width - 1)
    return [math.nan if trial["value"] is None else trial["value"], *others]


def _keys(values: Sequence[float]) -> list[float]:
    """Return values that are equal to themselves: NaN is not."""
    return [1e300 if math.isnan(value) else value for value in values]


def recount_front(trials: Sequence[Row]) -> tuple[set[str], int]:
    """Return the Trials that no other one beats, and how many of the newest results have not come among them."""
    front: dict[str, list[float]] = {}
    stale = 0
    for trial in sorted((it for it in trials if it["seq"] is not None), key=lambda it: it["seq"]):
        if trial["state"] not in {"Succeeded", "EarlyStopped"} or trial["value"] is None:
            continue
        new = losses_of(trial, 2)
        is_beaten = any(_covers(it, new) for it in front.values())
        if is_beaten or not Measures.unpack(trial["measures"]).is_feasible:
            stale += 1
            continue
        front = {name: it for name, it in front.items() if not _covers(new, it)} | {trial["name"]: new}
        stale = 0
    return set(front), stale


def _covers(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(mine <= yours for mine, yours in zip(one, other, strict=True))


def find_wrong_seed(spec: Row, trials: Sequence[Row]) -> str:
    """Return which of the first Trials is not the seed of its number."""
    wanted = [it["parameters"] for it in spec.get("seedTrials", ()) if "observation" not in it]
    for trial, point in zip(trials, wanted, strict=False):
        given = {it["name"]: it["value"] for it in json.loads(trial["assignments"])}
        if given != point:
            return f"Trial {trial['number']} has {given}, and the seed of this number is {point}"
    return ""
