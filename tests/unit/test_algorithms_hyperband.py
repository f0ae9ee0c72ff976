"""Hyperband: which Trials at which budget, whatever finishes when, and its end."""

import math
from collections import Counter
from random import Random

import pytest

from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.algorithms.halving import BRACKET_LABEL
from functions.suggestion.algorithms.interface import Answer
from functions.suggestion.search_space import Row
from functions.trial.lineage import RUNGS
from tests.unit.algorithm_requests import a_parameter, a_request, a_space, a_spec

EPOCHS = a_parameter("epochs", "int", min=1, max=300)
SPACE = (a_parameter("x", "double", min=0, max=1), EPOCHS, a_parameter("o", "categorical", list=["a", "b"]))
NINE = {"r_l": "9", "eta": "3", "resource_name": "epochs"}
WHOLE = {("2", "0", 1.0): 9, ("2", "1", 3.0): 3, ("2", "2", 9.0): 1, ("1", "0", 3.0): 5, ("1", "1", 9.0): 2}


def ask(
    finished: list[tuple[Row, float]], numbers: list[int], pending: dict[int, Row], state: object, count: int
) -> Answer:
    request = a_request(
        a_space(*SPACE),
        finished=finished,
        numbers=numbers,
        pending=list(pending.values()),
        count=count,
        seed=len(numbers) + len(pending),
        settings=NINE,
        state=state,  # type: ignore[arg-type]
    )
    return get_algorithm("hyperband").suggest(request)


def run(parallel: int, *, failing: float = 0.0, accepting: int = 99) -> tuple[Counter[tuple[str, str, float]], int]:
    """Run a whole search with so many Trials at a time, which finish in a random order; return what was created."""
    rng, state, is_end, created = Random(parallel), None, False, 0
    pending: dict[int, Row] = {}
    finished: list[tuple[Row, float]] = []
    numbers: list[int] = []
    given: Counter[tuple[str, str, float]] = Counter()
    while not is_end or pending:
        answer = ask(finished, numbers, pending, state, parallel - len(pending)) if not is_end else Answer((), state)
        accepted = answer.suggestions[:accepting]
        for suggested in accepted:
            created += 1
            pending[created] = suggested.row
            given[suggested.labels[BRACKET_LABEL], suggested.labels[RUNGS.generation], suggested.row[1]] += 1
        state, is_end = answer.state_after(len(accepted)), is_end or answer.is_end_after(len(accepted))
        assert pending or is_end, "it would wait for ever"
        if pending:
            number = rng.choice(list(pending))
            row = pending.pop(number)
            finished.append((row, math.nan if rng.random() < failing else row[0] - row[1] / 100))
            numbers.append(number)
    return given, created


@pytest.mark.parametrize("parallel", [1, 2, 5, 9, 50])
@pytest.mark.parametrize("accepting", [1, 99])
def test_every_rung_gets_its_trials_however_many_run_at_a_time(parallel: int, accepting: int) -> None:
    given, created = run(parallel, accepting=accepting)

    assert given == WHOLE | {("0", "0", 9.0): 3}
    assert created == 23


@pytest.mark.parametrize("failing", [0.3, 1.0])
def test_failed_trials_are_not_promoted_and_the_search_ends_all_the_same(failing: float) -> None:
    given, created = run(4, failing=failing)

    assert [given["2", "0", 1.0], given["1", "0", 3.0], given["0", "0", 9.0]] == [9, 5, 3]
    assert 17 <= created <= 23
    assert failing < 1 or created == 17


def test_the_best_of_a_rung_are_tried_again_with_more() -> None:
    first = ask([], [], {}, None, 9)
    rows = [suggested.row for suggested in first.suggestions]

    second = ask([(row, row[0]) for row in rows], list(range(1, 10)), {}, first.state_after(9), 3)

    best = sorted(rows)[:3]
    assert [(it.row[0], it.row[1], it.row[2]) for it in second.suggestions] == [(x, 3.0, o) for x, _, o in best]


def test_the_number_of_brackets_is_exact_where_logarithms_are_not() -> None:
    settings = {"r_l": "243", "eta": "3", "resource_name": "epochs"}
    request = a_request(a_space(*SPACE), count=1, settings=settings)

    answer = get_algorithm("hyperband").suggest(request)

    assert answer.suggestions[0].labels[BRACKET_LABEL] == "5"
    assert answer.suggestions[0].row[1] == 1.0


def test_the_budget_keeps_to_the_bounds_and_the_step_of_its_parameter() -> None:
    space = a_space(a_parameter("x", "double", min=0, max=1), a_parameter("epochs", "int", min=4, max=100, step=5))
    answer = get_algorithm("hyperband").suggest(a_request(space, count=9, settings=NINE))

    assert {suggested.row[1] for suggested in answer.suggestions} == {4.0}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "r_l and resource_name must be set."),
        ({"r_l": "9"}, "r_l and resource_name must be set."),
        ({**NINE, "r_l": "-1"}, "r_l must be a positive float number."),
        ({**NINE, "r_l": "nine"}, "failed to validate r_l(nine): not a decimal number: 'nine'"),
        ({**NINE, "eta": "1"}, "eta must be greater than 1."),
        ({**NINE, "resource_name": "steps"}, "value of resource_name setting must be in parameters."),
        ({**NINE, "resource_name": "o"}, "value of resource_name setting must be a parameter of type int or double."),
        ({**NINE, "eta": "1.0001"}, "r_l must be less than eta to the power of 20."),
        ({**NINE, "s_max": "2"}, "unknown setting s_max for algorithm hyperband"),
    ],
)
def test_bad_settings_are_refused_in_katibs_words(settings: dict[str, str], message: str) -> None:
    problems = list(get_algorithm("hyperband").validate(a_spec("hyperband", *SPACE, **settings), settings))

    assert [text for _, text in problems] == [message]


def test_an_eta_that_is_not_positive_means_three() -> None:
    settings = {**NINE, "eta": "0"}

    assert list(get_algorithm("hyperband").validate(a_spec("hyperband", *SPACE, **settings), settings)) == []
