"""The tree-structured Parzen estimator, held to Optuna's own suggestions."""

import math
import warnings
from collections.abc import Sequence
from random import Random

import numpy as np
import optuna
import pytest
from optuna.samplers._tpe import _truncnorm
from scipy import special

from functions.suggestion.algorithms import get_algorithm, parzen
from functions.suggestion.algorithms.drawing import draw_row
from functions.suggestion.algorithms.log_ndtr import log_ndtr
from functions.suggestion.search_space import Row, SearchSpace
from tests.unit.algorithm_requests import MIXED, a_parameter, a_request, a_space

TPES = ["tpe", "multivariate-tpe"]


def evaluate(row: Row) -> float:
    """Coarse, so that there are ties."""
    return round(row[0] ** 2 + abs(math.log(row[1]) + 5) + row[6] + row[2] / 9, 1)


def finished_trials(space: SearchSpace, count: int) -> list[tuple[Row, float]]:
    rng = Random(1)
    rows = [draw_row(space, rng) for _ in range(count)]
    return [(row, math.nan if number % 17 == 16 else evaluate(row)) for number, row in enumerate(rows)]


def ask_optuna(
    name: str, space: SearchSpace, finished: Sequence[tuple[Row, float]], pending: Sequence[Row], count: int
) -> list[Row]:
    distributions = {axis.name: parzen._distribution(axis) for axis in space.axes}
    with warnings.catch_warnings(action="ignore"):
        sampler = optuna.samplers.TPESampler(seed=7, multivariate=name == "multivariate-tpe", constant_liar=True)
    study = optuna.create_study(sampler=sampler)
    states = optuna.trial.TrialState
    told = [(row, None, states.FAIL) if math.isnan(loss) else (row, loss, states.COMPLETE) for row, loss in finished]
    for row, loss, state in [*told, *((row, None, states.RUNNING) for row in pending)]:
        named = zip(distributions.items(), row, strict=True)
        params = {name: distribution.to_external_repr(value) for (name, distribution), value in named}
        trial = optuna.trial.create_trial(params=params, distributions=distributions, value=loss, state=state)
        study.add_trial(trial)
    asked = [study.ask(distributions).params for _ in range(count)]
    return [tuple(distributions[n].to_internal_repr(params[n]) for n in distributions) for params in asked]


@pytest.fixture
def optunas_own_loop(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Give Optuna its own slow function back: the peer must not run ours."""
    monkeypatch.setattr(_truncnorm, "_log_ndtr", parzen._loop_log_ndtr)
    return monkeypatch


@pytest.mark.parametrize("name", TPES)
@pytest.mark.parametrize("trial_count", [10, 100, 500])
def test_it_suggests_what_optuna_suggests(name: str, trial_count: int, optunas_own_loop: pytest.MonkeyPatch) -> None:
    space = a_space()
    finished = finished_trials(space, trial_count)
    pending = [row for row, _ in finished_trials(space, trial_count + 3)[trial_count:]]
    wanted = ask_optuna(name, space, finished, pending, count=8)
    optunas_own_loop.undo()

    answer = get_algorithm(name).suggest(a_request(space, finished=finished, pending=pending, count=8))

    np.testing.assert_allclose([suggested.row for suggested in answer.suggestions], wanted, rtol=1e-8)


def test_log_ndtr_is_as_exact_as_scipys() -> None:
    tails = np.logspace(-8, 4, 5_000)
    values = np.concatenate([np.linspace(-50, 30, 50_001), -tails, tails[tails < 30]])

    np.testing.assert_allclose(log_ndtr(values), special.log_ndtr(values), rtol=1e-12)
    assert log_ndtr(values.reshape(-1, 1)).shape == (values.size, 1)


def test_the_smallest_losses_are_found_as_a_stable_sort_finds_them() -> None:
    losses = np.array([2.0, 1.0, 2.0, math.inf, 1.0, 2.0, -math.inf])

    found = [parzen._find_smallest(losses, count).tolist() for count in range(8)]

    order = np.argsort(losses, kind="stable")
    assert found == [sorted(order[:count].tolist()) for count in range(8)]


@pytest.mark.parametrize("name", TPES)
def test_only_the_newest_poor_trials_make_kernels(name: str) -> None:
    space = a_space()
    finished = [(row, float(number)) for number, (row, _) in enumerate(finished_trials(space, 800))]

    below, above = parzen.split(a_request(space, finished=finished, pending=[finished[3][0]]), gamma=None)

    assert below.shape == (25, len(MIXED))
    assert above.shape == (parzen.MAX_ABOVE + 1, len(MIXED))
    assert tuple(above[-1]) == finished[3][0]
    assert tuple(above[-2]) == finished[-1][0]


@pytest.mark.parametrize("name", TPES)
def test_trials_without_objective_do_not_end_the_random_start(name: str) -> None:
    space = a_space()
    failed = [(row, math.nan) for row, _ in finished_trials(space, 50)]

    answer = get_algorithm(name).suggest(a_request(space, finished=failed))
    drawn = get_algorithm("random").suggest(a_request(space, finished=failed))

    assert answer == drawn


@pytest.mark.parametrize("name", TPES)
@pytest.mark.parametrize(
    "settings",
    [
        {"n_startup_trials": "0"},
        {"n_startup_trials": "0", "n_ei_candidates": "1"},
        {"n_EI_candidates": "5", "gamma": "0.5", "prior_weight": "2.5"},
    ],
)
@pytest.mark.parametrize("trial_count", [0, 1, 30])
def test_every_setting_works_from_the_first_trial_on(name: str, settings: dict[str, str], trial_count: int) -> None:
    space = a_space()

    request = a_request(space, finished=finished_trials(space, trial_count), count=3, settings=settings)

    assert len(get_algorithm(name).suggest(request).suggestions) == 3


@pytest.mark.parametrize("name", TPES)
def test_it_finds_better_points_than_chance(name: str) -> None:
    space = a_space(a_parameter("x", "double", min=-5, max=5), a_parameter("y", "double", min=-5, max=5))

    best = {tried: search(tried, space, trial_count=60) for tried in (name, "random")}

    assert best[name] < best["random"] / 3


def search(name: str, space: SearchSpace, trial_count: int) -> float:
    """Return the mean of the best losses of five searches."""
    bests = []
    for seed in range(5):
        finished: list[tuple[Row, float]] = []
        while len(finished) < trial_count:
            request = a_request(space, finished=finished, seed=1_000 * seed + len(finished), count=2)
            rows = [suggested.row for suggested in get_algorithm(name).suggest(request).suggestions]
            finished += [(row, (row[0] - 2) ** 2 + (row[1] + 1) ** 2) for row in rows]
        bests.append(min(loss for _, loss in finished))
    return sum(bests) / len(bests)


@pytest.mark.parametrize("name", TPES)
def test_logarithms_with_a_step_stay_on_the_grid(name: str) -> None:
    space = a_space(
        a_parameter("d", "double", min="0.1", max=10, step="0.1", distribution="logUniform"),
        a_parameter("i", "int", min=2, max=100, step=7, distribution="logUniform"),
    )
    rows = [(0.1 * (1 + number % 20), 2.0 + 7 * (number % 14)) for number in range(20)]
    past = [(tuple(axis.snap(v) for axis, v in zip(space.axes, row, strict=True)), sum(row)) for row in rows]

    answer = get_algorithm(name).suggest(a_request(space, finished=past, count=5))

    for suggested in answer.suggestions:
        assert tuple(axis.snap(v) for axis, v in zip(space.axes, suggested.row, strict=True)) == suggested.row


@pytest.mark.parametrize("name", TPES)
def test_bounds_that_no_double_can_hold_are_still_a_grid(name: str) -> None:
    space = a_space(
        a_parameter("d", "double", min="4.51313465300009", max=100, step="1.3370021215764574"),
        a_parameter("i", "int", min=100, max=2**50, distribution="logUniform"),
    )
    past = [(space.to_row(space.to_assignments(draw_row(space, Random(seed)))), float(seed)) for seed in range(30)]

    answer = get_algorithm(name).suggest(a_request(space, finished=past, count=5))

    assert all(space.axes[0].snap(suggested.row[0]) == suggested.row[0] for suggested in answer.suggestions)
