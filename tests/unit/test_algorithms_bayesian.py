"""Bayesian optimisation: where it looks, what it believes, and the settings of Katib that it obeys."""

import math
from statistics import median

import numpy as np
import pytest

from functions.suggestion.algorithms import acquisition, get_algorithm
from functions.suggestion.algorithms.acquisition import log_expected_improvement
from functions.suggestion.algorithms.gaussian_process import GaussianProcess, Likelihood, fit_kernel
from functions.suggestion.algorithms.kernel import Kernel, Prior
from functions.suggestion.algorithms.kernel_layout import MAX_ADDITIVE_AXES
from functions.suggestion.algorithms.losses import warp
from functions.suggestion.search_space import Row
from tests.unit.algorithm_requests import FINITE, MIXED, a_parameter, a_request, a_space, a_spec
from tests.unit.search_loop import best_of, search

PLANE = a_space(a_parameter("x", "double", min=-5, max=5), a_parameter("y", "double", min=-5, max=5))


def bowl(row: Row) -> float:
    return (row[0] - 1.7) ** 2 + (row[1] + 2.3) ** 2


@pytest.mark.parametrize("parallel", [1, 8])
def test_it_finds_the_bottom_of_a_bowl_in_thirty_trials(parallel: int) -> None:
    found = best_of(search("bayesianoptimization", PLANE, bowl, budget=30, parallel=parallel))
    drawn = best_of(search("random", PLANE, bowl, budget=30, parallel=parallel))

    assert found < 0.01 < drawn


def test_the_first_points_are_spread_evenly_whatever_has_finished() -> None:
    finished = search("bayesianoptimization", PLANE, lambda _: math.nan, budget=16)

    cells = {(row[0] > 0, row[1] > 0) for row, _ in finished[:8]}

    assert len(cells) == 4


def test_a_process_that_remembers_nothing_answers_the_same() -> None:
    past = search("sobol", a_space(), lambda row: row[0] + row[2], budget=40)
    request = a_request(a_space(), finished=past, count=3)

    warm = [get_algorithm("bayesianoptimization").suggest(request) for _ in range(2)]
    acquisition._fit.cache_clear()
    cold = get_algorithm("bayesianoptimization").suggest(request)

    assert warm == [cold, cold]


@pytest.mark.parametrize(
    "settings",
    [
        {"acq_func": "LCB"},
        {"acq_func": "PI"},
        {"acq_func": "gp_hedge"},
        {"acq_optimizer": "sampling"},
        {"acq_optimizer": "lbfgs"},
        {"n_initial_points": "0"},
    ],
)
def test_every_setting_that_is_taken_works(settings: dict[str, str]) -> None:
    assert best_of(search("bayesianoptimization", PLANE, bowl, budget=30, settings=settings)) < 0.5


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("base_estimator", "XGB", "base_estimator XGB is not supported in Bayesian optimization"),
        ("base_estimator", "RF", "base_estimator RF is not supported in Bayesian optimization: only GP is"),
        ("acq_func", "UCB", "acq_func UCB is not supported in Bayesian optimization"),
        (
            "acq_func",
            "EIps",
            "acq_func EIps is not supported in Bayesian optimization: what a Trial takes is not modelled",
        ),
        ("acq_optimizer", "adam", "acq_optimizer adam is not supported in Bayesian optimization"),
        ("n_initial_points", "-1", "n_initial_points should be great or equal than zero"),
        ("random_state", "-1", "random_state should be great or equal than zero"),
        ("kernel", "rbf", "unknown setting kernel for algorithm bayesianoptimization"),
    ],
)
def test_bad_settings_are_refused_in_katibs_words(setting: str, value: str, message: str) -> None:
    spec = a_spec("bayesianoptimization", *MIXED, **{setting: value})

    problems = list(get_algorithm("bayesianoptimization").validate(spec, {setting: value}))

    assert [text for _, text in problems] == [message]


def test_a_finite_space_is_used_up_and_then_ends() -> None:
    space = a_space(*FINITE)
    past = [(space.row_at(index), float(index)) for index in range(30)]

    answer = get_algorithm("bayesianoptimization").suggest(a_request(space, finished=past, count=5))

    assert {suggested.row for suggested in answer.suggestions} == {space.row_at(30), space.row_at(31)}
    assert answer.is_end


def test_the_posterior_passes_through_what_was_seen_and_doubts_what_was_not() -> None:
    points = np.linspace(0, 1, 9)[:, None]
    process = GaussianProcess(Kernel(np.array([3.0, 0.0, -12.0]), np.array([False])), points, np.sin(6 * points[:, 0]))

    mean, deviation = process.predict(np.array([[0.5], [5.0]]))

    assert mean == pytest.approx([math.sin(3), 0.0], abs=0.01)
    assert deviation == pytest.approx([0.0, 1.0], abs=0.05)


def test_the_fit_finds_which_axes_matter() -> None:
    points = np.random.default_rng(1).random((60, 3))

    kernel = fit_kernel(points, warp(np.sin(6 * points[:, 1])), np.zeros(3, dtype=np.bool_))

    lost = kernel.amplitude - kernel(np.zeros((1, 3)), np.eye(3) / 2)[0]
    assert lost[1] > 10 * max(lost[0], lost[2])


@pytest.mark.parametrize("width", [1, 3, MAX_ADDITIVE_AXES + 1])
def test_the_gradient_of_the_fit_is_that_of_its_value(width: int) -> None:
    rng = np.random.default_rng(2)
    points = np.column_stack([rng.random((20, width - 1)), rng.integers(3, size=20)])
    prior = Prior.of(width)
    likelihood = Likelihood(points, rng.standard_normal(20), np.arange(width) == width - 1, prior)
    theta = prior.mean + np.linspace(-0.5, 1.0, prior.mean.size)

    _, gradient = likelihood(theta)
    steps = 1e-6 * np.eye(theta.size)
    slopes = [(likelihood(theta + step)[0] - likelihood(theta - step)[0]) / 2e-6 for step in steps]

    assert gradient == pytest.approx(slopes, rel=1e-4, abs=1e-6)


def test_ripples_along_single_axes_are_learnt_from_points_that_share_no_value() -> None:
    rng = np.random.default_rng(3)
    points, others = rng.random((90, 3)), rng.random((200, 3))

    def ripples(places: np.ndarray) -> np.ndarray:
        return np.cos(25 * places).sum(axis=1) / 1.2

    kernel = fit_kernel(points, ripples(points), np.zeros(3, dtype=np.bool_))
    means, _ = GaussianProcess(kernel, points, ripples(points)).predict(others)

    assert np.corrcoef(means, ripples(others))[0, 1] > 0.9


def test_which_axis_counts_where_a_choice_says_so_is_learnt() -> None:
    rng = np.random.default_rng(4)
    points, others = rng.random((100, 5)), rng.random((200, 5))
    points[:, 0], others[:, 0] = rng.integers(4, size=100), rng.integers(4, size=200)

    def one_of_four(places: np.ndarray) -> np.ndarray:
        chosen = np.take_along_axis(places, 1 + places[:, :1].astype(int), axis=1)[:, 0]
        return 3 * (chosen - 0.5) ** 2 - 0.25

    kernel = fit_kernel(points, one_of_four(points), np.arange(5) == 0)
    means, _ = GaussianProcess(kernel, points, one_of_four(points)).predict(others)

    assert np.corrcoef(means, one_of_four(others))[0, 1] > 0.9


def test_large_sets_of_points_have_the_covariances_of_their_parts() -> None:
    points = np.random.default_rng(5).random((40, 3))
    kernel = Kernel(Prior.of(3).starts[1], np.zeros(3, dtype=np.bool_))

    together = kernel(np.tile(points, (20, 1)), np.tile(points, (20, 1)))

    assert together == pytest.approx(np.tile(kernel(points, points), (20, 20)))
    assert together.diagonal() == pytest.approx(kernel.amplitude)


def test_the_expected_improvement_is_right_near_and_far() -> None:
    mean = np.array([0.0, 1.0, 5.0, 30.0])

    logs = log_expected_improvement(mean, np.ones(4), 0.0)

    assert np.exp(logs[:3]) == pytest.approx([0.3989423, 0.0833155, 5.346e-8], rel=1e-3)
    assert -470 < logs[3] < -450


def test_losses_that_rise_by_orders_of_magnitude_keep_their_order_and_weigh_less() -> None:
    losses = np.exp(np.linspace(-5.0, 5.0, 41))

    values = warp(losses)

    assert (np.diff(values) > 0).all()
    assert values.max() < 2.0  # 4 without a power
    assert np.diff(warp(np.array([-1e308, 0.0, 1e308]))).min() > 1


def test_what_the_better_half_differs_in_is_not_hidden_by_the_worse_one() -> None:
    better = np.linspace(0.57, 0.6, 20)

    values = warp(np.concatenate([better, np.geomspace(1, 1e3, 20)]))

    assert np.ptp(values[:20]) > 0.3 * np.ptp(values)  # a tenth without ranks


def test_losses_that_mostly_tie_keep_their_order() -> None:
    values = warp(np.array([0.5] * 12 + [0.6, 0.4, 0.7]))

    assert values[13] < values[0] == values[11] < values[12] < values[14]


def test_failed_trials_count_as_the_worst_and_outliers_little() -> None:
    values = warp(np.array([1.0, 2.0, 3.0, math.nan, 1e9, math.inf]))

    assert values.mean() == pytest.approx(0.0, abs=1e-9)
    assert values[3] == values[4] == values[5] == values.max()
    assert median(values) < values[4] < 3
