"""The stoppers that Optuna has too decide as Optuna's pruners do, on strange series and in any order of reports."""

import itertools
import math
from collections.abc import Callable, Sequence
from random import Random

import optuna
import pytest
import scipy.stats
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.observation.early_stopping.percentile import percentile_of
from functions.observation.early_stopping.signed_rank import p_greater
from tests.unit.early_stopping_rig import (
    Judge,
    Reports,
    an_early_stopping,
    an_experiment_with,
    optunas_stops,
    our_stops,
)

optuna.logging.set_verbosity(optuna.logging.ERROR)
pruners = optuna.pruners

VALUES = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([0.25, 0.5, math.nan, math.inf, -math.inf]))
TRIALS = st.lists(st.lists(VALUES, min_size=1, max_size=12), min_size=1, max_size=8)
ORDERS = st.lists(st.integers(0, 7), max_size=60)

CASES: dict[str, tuple[tuple[str, dict[str, object]], Callable[[], optuna.pruners.BasePruner]]] = {
    "asha": (
        ("asha", {"min_resource": 1, "reduction_factor": 2}),
        lambda: pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
    ),
    "asha that begins late": (
        ("asha", {"min_resource": 2, "reduction_factor": 3, "min_early_stopping_rate": 1}),
        lambda: pruners.SuccessiveHalvingPruner(min_resource=2, reduction_factor=3, min_early_stopping_rate=1),
    ),
    "asha by itself": (("asha", {}), pruners.SuccessiveHalvingPruner),
    "hyperband": (
        ("hyperband", {"max_resource": 9}),
        lambda: pruners.HyperbandPruner(max_resource=9),
    ),
    "hyperband of other shares": (
        ("hyperband", {"min_resource": 2, "max_resource": 11, "reduction_factor": 2}),
        lambda: pruners.HyperbandPruner(min_resource=2, max_resource=11, reduction_factor=2),
    ),
    "percentile": (
        ("percentile", {"percentile": 25, "n_startup_trials": 1}),
        lambda: pruners.PercentilePruner(25, n_startup_trials=1),
    ),
    "percentile at intervals": (
        ("percentile", {"percentile": 60, "n_startup_trials": 2, "n_warmup_steps": 2, "interval_steps": 3}),
        lambda: pruners.PercentilePruner(60, n_startup_trials=2, n_warmup_steps=2, interval_steps=3),
    ),
    "percentile of no trials": (
        ("percentile", {"percentile": 50, "n_startup_trials": 0}),
        lambda: pruners.MedianPruner(n_startup_trials=0),
    ),
    "threshold": (
        ("threshold", {"lower": -1, "upper": 1.5, "n_warmup_steps": 2, "interval_steps": 2}),
        lambda: pruners.ThresholdPruner(lower=-1, upper=1.5, n_warmup_steps=2, interval_steps=2),
    ),
    "threshold above": (("threshold", {"upper": 2}), lambda: pruners.ThresholdPruner(upper=2)),
    "patient": (("patient", {"patience": 1}), lambda: pruners.PatientPruner(None, patience=1)),
    "patient and tolerant": (
        ("patient", {"patience": 0, "min_delta": 0.5}),
        lambda: pruners.PatientPruner(None, patience=0, min_delta=0.5),
    ),
    "patient asha": (
        ("patient", {"patience": 1, "wrapped": "asha", "min_resource": 1, "reduction_factor": 2}),
        lambda: pruners.PatientPruner(pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2), patience=1),
    ),
    "wilcoxon": (("wilcoxon", {"p_threshold": 0.3}), lambda: pruners.WilcoxonPruner(p_threshold=0.3)),
    "wilcoxon that begins late": (
        ("wilcoxon", {"p_threshold": 0.4, "n_startup_steps": 5}),
        lambda: pruners.WilcoxonPruner(p_threshold=0.4, n_startup_steps=5),
    ),
}


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trials=TRIALS, order=ORDERS, direction=st.sampled_from(["minimize", "maximize"]))
async def test_ours_stops_what_optunas_stops(
    case: str, trials: Sequence[Reports], order: Sequence[int], direction: str
) -> None:
    await _compare(case, trials, order, direction)


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("case", CASES)
async def test_ours_stops_what_optunas_stops_among_many(case: str, direction: str) -> None:
    rng = Random(f"{case}/{direction}")
    trials = [[rng.gauss(rng.random(), 0.3) for _ in range(rng.randint(1, 30))] for _ in range(60)]
    order = [rng.randrange(60) for _ in range(600)]

    await _compare(case, trials, order, direction)


async def _compare(case: str, trials: Sequence[Reports], order: Sequence[int], direction: str) -> None:
    (name, ours), make = CASES[case]
    judge = Judge(an_experiment_with("latest", direction), an_early_stopping(name, **ours))

    stops = await our_stops(judge, trials, order)

    assert stops == optunas_stops(make, trials, order, judge=judge)


@pytest.mark.parametrize("case", ["asha", "hyperband", "percentile"])
@settings(max_examples=10, deadline=None)
@given(trials=TRIALS, order=ORDERS)
async def test_reports_are_folded_by_the_metric_strategy(
    case: str, trials: Sequence[Reports], order: Sequence[int]
) -> None:
    (name, ours), make = CASES[case]
    judge = Judge(an_experiment_with("min"), an_early_stopping(name, **ours))
    best = [list(itertools.accumulate(reports, _smaller)) for reports in trials]

    stops = await our_stops(judge, trials, order)

    assert stops == optunas_stops(make, best, order, judge=judge)


def _smaller(a: float, b: float) -> float:
    known = [value for value in (a, b) if math.isfinite(value)]
    return min(known, default=math.nan)


@pytest.mark.parametrize("count", [2, 7, 13, 14, 30, 50, 51, 200])
@pytest.mark.parametrize("kind", ["plain", "ties", "zeros", "all zero"])
def test_the_signed_rank_test_is_scipys(count: int, kind: str) -> None:
    rng = Random(f"{count}/{kind}")
    draw = {
        "plain": lambda: rng.gauss(0.1, 1),
        "ties": lambda: rng.choice((-2.0, -1.0, 1.0, 2.0, 3.0)),
        "zeros": lambda: rng.choice((0.0, rng.gauss(0.2, 1))),
        "all zero": lambda: 0.0,
    }[kind]
    for _ in range(5):
        differences = [draw() for _ in range(count)]

        expected = scipy.stats.wilcoxon(differences, alternative="greater", zero_method="zsplit").pvalue

        assert p_greater(differences) == pytest.approx(expected, rel=1e-9)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20), st.floats(0, 100))
def test_the_percentile_is_numpys(values: list[float], percentile: float) -> None:
    import numpy as np

    assert percentile_of(values, percentile) == float(np.nanpercentile(np.array(values), percentile))
