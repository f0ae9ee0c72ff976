"""CMA-ES: convergence with any number of Workers, restarts, and a state of plain numbers."""

import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.algorithms.evolution import MIN_SPREAD, Evolution
from functions.suggestion.algorithms.generations import GENERATION_LABEL
from functions.suggestion.history import History
from functions.suggestion.search_space import Row
from tests.unit.algorithm_requests import FINITE, a_parameter, a_request, a_space, a_spec
from tests.unit.search_loop import best_of, search

SPACE = a_space(*(a_parameter(f"x{index}", "double", min=-5, max=5) for index in range(3)))


def sphere(row: Row) -> float:
    return sum((value - 1.5) ** 2 for value in row)


@pytest.mark.parametrize("parallel", [1, 4, 12])
def test_it_converges_however_many_trials_run_at_a_time(parallel: int) -> None:
    finished = search("cmaes", SPACE, sphere, budget=160, parallel=parallel)

    assert best_of(finished) < 0.1


def test_failed_trials_do_not_stop_it() -> None:
    finished = search("cmaes", SPACE, lambda row: math.nan if row[0] < 0 else sphere(row), budget=160, parallel=3)

    assert best_of(finished) < 0.1


def test_trials_that_all_fail_leave_the_distribution_alone() -> None:
    finished = search("cmaes", SPACE, lambda _: math.nan, budget=30, parallel=3)

    assert len({row for row, _ in finished}) == 30


@pytest.mark.parametrize("strategy", ["ipop", "bipop"])
def test_a_flat_objective_restarts_with_other_populations(strategy: str) -> None:
    settings = {"restart_strategy": strategy, "popsize": "4"}
    state = Evolution.begin(_mean(), 0.2, 4)
    populations = [4]
    for number in range(1, 900):
        state = state.ask_for([number]).learn(number, _mean(), 1.0, settings["restart_strategy"], _rng(number))
        if state.population != populations[-1]:
            populations.append(state.population)

    assert populations[:2] == [4, 8]
    assert (populations == sorted(populations)) is (strategy == "ipop")


def test_without_a_strategy_it_never_restarts() -> None:
    state = Evolution.begin(_mean(), 0.2, 4)

    state = learn(state.ask_for(list(range(1, 5))), *range(1, 5))
    for number in range(5, 400):
        state = state.ask_for([number]).learn(number, _mean(), 1.0, "none", _rng(number))

    assert (state.population, state.generation) == (4, 99)


def test_a_trial_counts_once_and_only_in_its_generation_or_the_next() -> None:
    begun = Evolution.begin(_mean(), 0.2, 4).ask_for(list(range(1, 9)))

    moved = learn(begun, 1, 2, 3, 4)

    assert learn(moved, 1, 2) == moved
    assert (moved.generation, moved.members) == (1, dict.fromkeys(range(5, 9), 0))
    assert (learn(moved, 5, 6, 7, 8).generation, learn(moved, 5, 6, 7, 8).members) == (2, {})


def learn(state: Evolution, *numbers: int) -> Evolution:
    for number in numbers:
        state = state.learn(number, _mean() + number / 50, float(number), "none", _rng(number))
    return state


def test_it_neither_collapses_nor_runs_away_when_it_has_converged() -> None:
    space = a_space(*(a_parameter(name, "double", min=-1, max=3) for name in "xy"))
    history, state = History.empty(2), None

    for first in range(1, 1_800, 8):
        request = a_request(space, count=8, seed=first, state=state)
        answer = get_algorithm("cmaes").suggest(replace(request, history=history, first_number=first))
        rows = [suggested.row for suggested in answer.suggestions]
        history = history.extend(rows, [sum((value - 0.7) ** 2 for value in row) for row in rows], first + 7)
        state = json.loads(json.dumps(answer.state_after(8)))

    assert len(history.distinct_rows()) == len(history) == 1_800
    assert history.values[-50:].max() < 1e-12
    assert MIN_SPREAD / 2 < Evolution.from_manifest(state).spread < 1e-6


def test_points_that_the_distribution_did_not_draw_are_none_of_its_generation() -> None:
    space = a_space(a_parameter("x", "int", min=1, max=100), a_parameter("y", "int", min=1, max=100))
    narrow = replace(Evolution.begin(np.full(2, 0.505), 1e-9, 4), generation=1).to_manifest()
    request = a_request(space, finished=[((51.0, 51.0), 0.0)], count=4, state=narrow)

    answer = get_algorithm("cmaes").suggest(request)
    state = answer.state_after(4)

    assert state is not None
    assert state["members"] == {}
    assert [suggested.labels for suggested in answer.suggestions] == [{}] * 4
    assert all(math.dist(suggested.row, (51, 51)) < 50 for suggested in answer.suggestions)


def test_a_distribution_with_nothing_left_restarts_where_that_is_asked_for() -> None:
    space = a_space(a_parameter("x", "int", min=1, max=100), a_parameter("y", "int", min=1, max=100))
    narrow = replace(Evolution.begin(_mean(), 1e-9, 4), sigma0=0.1, generation=1).to_manifest()
    settings = {"restart_strategy": "ipop"}
    request = a_request(space, finished=[((51.0, 51.0), 0.0)], count=4, state=narrow, settings=settings)

    state = get_algorithm("cmaes").suggest(request).state_after(4)

    assert state is not None
    assert (state["population"], state["generation"], len(state["members"])) == (8, 0, 4)


@pytest.mark.parametrize(
    "covariance", [[[0.0, 0.0], [0.0, 0.0]], [[math.nan, 0.0], [0.0, 1.0]], [[math.inf, 0], [0, 1]]]
)
def test_a_broken_distribution_begins_again_where_it_is(covariance: list[list[float]]) -> None:
    broken = replace(Evolution.begin(_mean(), 0.2, 4), covariance=covariance, generation=9)

    again = broken.bounded()

    assert (again.sigma, again.covariance, again.mean, again.generation) == (0.2, None, [0.5, 0.5], 0)


@pytest.mark.parametrize("sigma", [1e-300, 1e300, math.inf])
def test_a_deviation_that_was_accepted_earlier_makes_no_strange_point(sigma: float) -> None:
    state = Evolution.begin(np.full(3, 0.5), sigma, 4).to_manifest()

    for request in (a_request(SPACE, settings={"sigma": str(sigma)}, count=9), a_request(SPACE, state=state, count=9)):
        rows = [suggested.row for suggested in get_algorithm("cmaes").suggest(request).suggestions]
        assert len(set(rows)) == 9
        assert all(-5 <= value <= 5 for row in rows for value in row)


def test_its_state_is_plain_numbers_and_its_trials_say_their_generation() -> None:
    answer = get_algorithm("cmaes").suggest(a_request(SPACE, count=2))

    state = answer.state_after(1)
    assert state is not None
    assert json.loads(json.dumps(state)) == json.loads(json.dumps(Evolution.from_manifest(state).to_manifest()))
    assert state["members"] == {"1": 0}
    assert answer.suggestions[0].labels == {GENERATION_LABEL: "0"}


def test_after_another_algorithm_it_begins_where_that_one_was_best() -> None:
    past = [((1.5, 1.5, 1.5 + index / 10), float(index)) for index in range(30)]

    answer = get_algorithm("cmaes").suggest(a_request(SPACE, finished=past, count=8))

    assert all(sphere(suggested.row) < 20 for suggested in answer.suggestions)


def test_its_trials_are_known_by_number_where_an_earlier_experiment_is_deleted() -> None:
    past = [((1.5, 1.5, 1.5 + index / 10), float(index)) for index in range(30)]
    first = get_algorithm("cmaes").suggest(a_request(SPACE, finished=past, numbers=[0] * 30))
    own = (first.suggestions[0].row, 1.0)
    (number,) = first.state_after(1)["members"]  # type: ignore[index, misc]

    alone = a_request(SPACE, finished=[own], numbers=[int(str(number))], state=first.state_after(1))
    state = get_algorithm("cmaes").suggest(alone).state_after(0)

    assert state is not None
    assert len(state["results"]) == 1  # type: ignore[arg-type]


def test_integers_and_steps_are_searched_without_repeats() -> None:
    space = a_space(*FINITE[:2])

    finished = search("cmaes", space, sphere, budget=16, parallel=2)

    assert len({row for row, _ in finished}) == 16


def test_it_loads_neither_scipy_nor_the_other_optimizers() -> None:
    code = (
        "import sys; from functions.suggestion.algorithms import get_algorithm;"
        "from tests.unit.algorithm_requests import FINITE, a_request, a_space;"
        "get_algorithm('cmaes').suggest(a_request(a_space(*FINITE[:2])));"
        "print([m for m in ('optuna', 'scipy', 'cmaes') if m in sys.modules])"
    )

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "[]"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"restart_strategy": "x"}, "restart_strategy x is not supported in CMAES optimization"),
        ({"sigma": "-1"}, "sigma should be greate or equal than zero"),
        ({"sigma": "nan"}, "sigma should be greate or equal than zero"),
        ({"sigma": "inf"}, "sigma should be 0, or from 1e-06 to 1: it is a share of every range"),
        ({"sigma": "1e-300"}, "sigma should be 0, or from 1e-06 to 1: it is a share of every range"),
        ({"popsize": "3"}, "popsize should be at least 4"),
        ({"random_state": "-1"}, "random_state should be great or equal than zero"),
        ({"x": "1"}, "unknown setting x for algorithm cmaes"),
    ],
)
def test_bad_settings_are_refused_in_katibs_words(settings: dict[str, str], message: str) -> None:
    problems = list(get_algorithm("cmaes").validate(a_spec("cmaes", *FINITE[:2], **settings), settings))

    assert [text for _, text in problems] == [message]


@pytest.mark.parametrize("sigma", ["0", "1e-6", "0.5", "1"])
def test_a_first_deviation_from_a_millionth_to_the_whole_range_is_accepted(sigma: str) -> None:
    settings = {"sigma": sigma}

    assert list(get_algorithm("cmaes").validate(a_spec("cmaes", *FINITE[:2], **settings), settings)) == []


def test_too_few_numeric_parameters_are_refused() -> None:
    assert list(get_algorithm("cmaes").validate(a_spec("cmaes", FINITE[0], FINITE[2]), {})) == [
        ("spec.parameters", "cmaes only supports two or more dimensional continuous search space.")
    ]


def test_choices_without_an_order_are_drawn_and_do_not_disturb_the_rest() -> None:
    space = a_space(*(a_parameter(f"x{index}", "double", min=-5, max=5) for index in range(3)), FINITE[2])

    finished = search("cmaes", space, lambda row: sphere(row[:3]), budget=160, parallel=4)

    assert best_of(finished) < 0.1
    assert 60 < sum(row[3] for row, _ in finished) < 100


def _mean() -> "npt.NDArray[np.float64]":
    return np.full(2, 0.5)


def _rng(number: int) -> np.random.Generator:
    return np.random.default_rng(number)
