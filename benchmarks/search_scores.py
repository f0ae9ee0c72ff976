"""What the runs of `benchmarks.search` come to: regret beside random search, its confidence interval, and ranks."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.search_runs import Record

YARDSTICK = ("random", 60)
"""A regret of 1 is what random search has left, in the median, after so many Trials."""

LEAST_RATIO = 1e-3
"""Regrets below count as this, so that no single task decides a geometric mean."""

RESAMPLES = 1_000
INTERVAL = (2.5, 97.5)

Curves = dict[tuple[str, int], np.ndarray]
"""Relative regret after each Trial, by task and seed."""


@dataclass(frozen=True)
class Score:
    """One contender at one budget: the geometric mean over tasks, its 95 % interval, the mean rank, how many runs."""

    regret: float
    low: float
    high: float
    rank: float
    runs: int


@dataclass(frozen=True)
class Pair:
    """One contender beside another: its regret as a share of the other's, its mean rank of the two, how many runs."""

    ratio: float
    low: float
    high: float
    rank: float
    """Between 1, always ahead, and 2; where both have the same each has 1.5."""
    runs: int
    tasks: int


def relative_curves(records: Sequence[Record], parallel: int) -> dict[str, Curves]:
    """Return, by contender, the curves of the runs with so many Trials at a time."""
    least, units = least_losses(records), yardsticks(records)
    curves: dict[str, Curves] = defaultdict(dict)
    for record in records:
        it = record.run
        if it.parallel == parallel and it.task in units:
            regret = np.array(record.curve) - least[it.task, it.seed]
            curves[it.algorithm][it.task, it.seed] = np.maximum(regret / units[it.task], LEAST_RATIO)
    return curves


def least_losses(records: Sequence[Record]) -> dict[tuple[str, int], float]:
    """Return the least loss by task and seed: the known one, or the best that any run of the task has found."""
    found: dict[str, float] = defaultdict(lambda: np.inf)
    for record in records:
        found[record.run.task] = min(found[record.run.task], record.curve[-1])
    return {(it.run.task, it.run.seed): found[it.run.task] if it.least is None else it.least for it in records}


def yardsticks(records: Sequence[Record]) -> dict[str, float]:
    """Return by task what random search one by one has left."""
    least, (name, count) = least_losses(records), YARDSTICK
    left: dict[str, list[float]] = defaultdict(list)
    for record in records:
        it = record.run
        if it.algorithm == name and it.parallel == 1 and len(record.curve) >= count:
            left[it.task].append(record.curve[count - 1] - least[it.task, it.seed])
    return {task: float(np.median(regrets) or np.mean(regrets) or 1.0) for task, regrets in left.items()}


def score(curves: dict[str, Curves], budget: int) -> dict[str, Score]:
    """Compare the contenders at this budget on the runs that all of them have."""
    at = {name: {key: it[budget - 1] for key, it in runs.items() if len(it) >= budget} for name, runs in curves.items()}
    at = {name: runs for name, runs in at.items() if runs}
    if not at:
        return {}
    common = sorted(set.intersection(*(set(runs) for runs in at.values())))
    if not common:
        return {}
    table = np.array([[at[name][key] for key in common] for name in at])
    ranks = rank(table).mean(axis=1)
    tasks = np.array([task for task, _ in common])
    scores = [Score(geometric_mean(row, tasks), *interval(row, tasks), 0.0, row.size) for row in table]
    return {
        name: Score(it.regret, it.low, it.high, float(its_rank), it.runs)
        for name, it, its_rank in zip(at, scores, ranks, strict=True)
    }


def compare_pair(ours: Curves, theirs: Curves, budget: int) -> Pair | None:
    """Compare two at this budget on the runs that both have; None where there are none."""
    common = sorted(key for key in ours.keys() & theirs.keys() if min(len(ours[key]), len(theirs[key])) >= budget)
    if not common:
        return None
    table = np.array([[it[key][budget - 1] for key in common] for it in (ours, theirs)])
    tasks, ratios = np.array([task for task, _ in common]), table[0] / table[1]
    rank_of_ours = float(rank(table)[0].mean())
    task_count = np.unique(tasks).size
    return Pair(
        geometric_mean(ratios, tasks), *interval(ratios, tasks), rank=rank_of_ours, runs=len(common), tasks=task_count
    )


def rank(table: np.ndarray) -> np.ndarray:
    """Return the rank of each row in every column, 1 for the least; equals share theirs."""
    below = (table[None] < table[:, None]).sum(axis=1)
    equal = (table[None] == table[:, None]).sum(axis=1)
    return below + (equal + 1) / 2


def geometric_mean(ratios: np.ndarray, tasks: np.ndarray) -> float:
    """Return the mean over tasks of the mean over their seeds, both of logarithms."""
    logs = np.log(ratios)
    return float(np.exp(np.mean([logs[tasks == task].mean() for task in np.unique(tasks)])))


def interval(ratios: np.ndarray, tasks: np.ndarray) -> tuple[float, float]:
    """Return the bootstrap interval of the mean: seeds are drawn anew within every task."""
    rng, logs = np.random.default_rng(0), np.log(ratios)
    drawn = []
    for task in np.unique(tasks):
        its = logs[tasks == task]
        drawn.append(its[rng.integers(its.size, size=(RESAMPLES, its.size))].mean(axis=1))
    low, high = np.percentile(np.exp(np.mean(drawn, axis=0)), INTERVAL)
    return float(low), float(high)
