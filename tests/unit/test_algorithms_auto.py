"""What `auto` chooses when, what it says of it, and how it goes on from one to the other."""

import math
from dataclasses import replace
from random import Random

import pytest

from events.search_space import When
from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.algorithms.auto import choose
from functions.suggestion.algorithms.drawing import draw_row
from functions.suggestion.algorithms.interface import Request
from tests.unit.algorithm_requests import MIXED, a_parameter, a_request, a_space, a_spec
from tests.unit.search_loop import best_of, search

NUMERIC = tuple(a_parameter(f"x{index}", "double", min=0, max=1) for index in range(5))
AUTO = get_algorithm("auto")


def a_request_after(count: int, *parameters: object, **spec: object) -> Request:
    space, rng = a_space(*(parameters or MIXED)), Random(1)  # type: ignore[arg-type]
    rows = [draw_row(space, rng) for _ in range(count)]
    return a_request(space, finished=[(row, sum(row)) for row in rows], count=2, **spec)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("trials", "parameters", "spec", "name"),
    [
        (0, MIXED, {}, "sobol"),
        (5, NUMERIC, {}, "sobol"),
        (6, NUMERIC, {}, "bayesianoptimization"),
        (7, MIXED, {}, "sobol"),
        (8, MIXED, {}, "bayesianoptimization"),
        (500, NUMERIC, {}, "bayesianoptimization"),
        (501, NUMERIC, {}, "cmaes"),
        (501, NUMERIC[:4], {}, "multivariate-tpe"),
        (501, MIXED, {}, "multivariate-tpe"),
        (20, NUMERIC, {"parallelTrialCount": 33}, "multivariate-tpe"),
        (20, tuple(a_parameter(f"x{i}", "int", min=0, max=1) for i in range(41)), {}, "multivariate-tpe"),
        (20, tuple(a_parameter(f"x{i}", "int", min=2, max=2) for i in range(3)), {}, "multivariate-tpe"),
    ],
)
def test_it_chooses_by_space_parallelism_and_results(
    trials: int, parameters: tuple[object, ...], spec: dict[str, object], name: str
) -> None:
    request = a_request_after(trials, *parameters, **spec)

    answer = AUTO.suggest(request)

    assert choose(request).name == name
    assert answer.note.startswith(f"auto uses {name}: ")


@pytest.mark.parametrize(
    ("width", "budget", "initial"), [(2, None, 6), (8, None, 8), (30, None, 10), (8, 20, 5), (8, 200, 8), (8, 4, 3)]
)
def test_few_parameters_or_few_trials_have_few_first_points(width: int, budget: int | None, initial: int) -> None:
    parameters = [a_parameter(f"x{index}", "double", min=0, max=1) for index in range(width)]

    requests = [a_request_after(count, *parameters) for count in range(12)]
    names = [choose(replace(request, max_trial_count=budget)).name for request in requests]

    assert names == ["sobol"] * initial + ["bayesianoptimization"] * (12 - initial)


@pytest.mark.parametrize(("width", "name"), [(3, "bayesianoptimization"), (30, "multivariate-tpe")])
def test_parameters_that_depend_on_others_are_modelled_while_they_are_few(width: int, name: str) -> None:
    kind = a_parameter("kind", "categorical", list=["a", "b"])
    inner = [a_parameter(f"x{index}", "double", min=0, max=1) for index in range(width)]
    when = When(parameter="kind", values=("a",))
    request = a_request_after(20, kind, *(parameter.model_copy(update={"when": when}) for parameter in inner))

    answer = AUTO.suggest(request)

    assert choose(request).name == name
    assert all(request.space.fill(suggested.row) == suggested.row for suggested in answer.suggestions)


def test_the_first_trial_of_all_is_the_middle_and_the_others_are_not() -> None:
    space = a_space(*NUMERIC, a_parameter("kind", "categorical", list=["usual", "odd"]))

    first, second = (suggested.row for suggested in AUTO.suggest(a_request(space, count=2)).suggestions)

    assert first == (0.5,) * 5 + (0.0,)
    assert second[:5] != first[:5]


def test_results_that_come_faster_than_it_can_think_are_left_to_tpe() -> None:
    request = a_request_after(20, *NUMERIC, parallelTrialCount=2)

    assert choose(replace(request, evaluation_seconds=0.01)).name == "multivariate-tpe"
    assert choose(replace(request, evaluation_seconds=1.0)).name == "bayesianoptimization"


def test_failures_alone_are_not_modelled() -> None:
    request = a_request(a_space(*NUMERIC), finished=[((0.5,) * 5, math.nan)] * 20)

    assert choose(request).name == "sobol"


def test_cma_es_goes_on_from_its_own_state_and_from_the_best() -> None:
    request = a_request_after(510, *NUMERIC)

    first = AUTO.suggest(request)
    again = AUTO.suggest(replace(request, state=first.state_after(2), first_number=513))

    kept = again.state_after(1)
    assert kept is not None
    assert isinstance(kept["state"], dict)
    assert list(kept["state"]["members"]) == ["511", "512", "513"]  # type: ignore[arg-type, call-overload]


def test_it_beats_chance_sequentially_and_in_parallel() -> None:
    space = a_space(*NUMERIC)

    def bowl(row: tuple[float, ...]) -> float:
        return sum((value - 0.3) ** 2 for value in row)

    drawn = best_of(search("random", space, bowl, budget=40))

    assert best_of(search("auto", space, bowl, budget=40)) < drawn / 10
    assert best_of(search("auto", space, bowl, budget=40, parallel=8)) < drawn / 10


def test_it_has_one_setting() -> None:
    spec = a_spec("auto", *NUMERIC, random_state="x", sigma="1")

    assert [path for path, _ in AUTO.validate(spec, {"random_state": "-1", "sigma": "1"})] == [
        "spec.algorithm.algorithmSettings[0].value",
        "spec.algorithm.algorithmSettings[1].name",
    ]
