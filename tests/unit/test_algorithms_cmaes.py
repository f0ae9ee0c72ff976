"""CMA-ES: convergence with any number of Workers, restarts, and a state of plain numbers."""

import json
import math
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest

from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.algorithms.evolution import Evolution
from functions.suggestion.algorithms.generations import GENERATION_LABEL
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
        ({"popsize": "3"}, "popsize should be at least 4"),
        ({"random_state": "-1"}, "random_state should be great or equal than zero"),
        ({"x": "1"}, "unknown setting x for algorithm cmaes"),
    ],
)
def test_bad_settings_are_refused_in_katibs_words(settings: dict[str, str], message: str) -> None:
    problems = list(get_algorithm("cmaes").validate(a_spec("cmaes", *FINITE[:2], **settings), settings))

    assert [text for _, text in problems] == [message]


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
