"""Sobol's sequence, held to scipy's."""

import pytest
from scipy.stats import qmc

from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.algorithms.interface import Answer
from functions.suggestion.algorithms.sobol import MAX_DIMENSIONS, sobol_row
from functions.suggestion.search_space import SearchSpace
from tests.unit.algorithm_requests import FINITE, MIXED, a_parameter, a_request, a_space, a_spec


def a_cube(width: int) -> SearchSpace:
    return a_space(*(a_parameter(f"p{index}", "double", min=0, max=1) for index in range(width)))


def test_unscrambled_it_is_the_published_sequence_in_every_dimension() -> None:
    space = a_cube(MAX_DIMENSIONS)

    rows = [sobol_row(space, index, None) for index in range(256)]

    assert rows == [tuple(row) for row in qmc.Sobol(MAX_DIMENSIONS, scramble=False).random(256).tolist()]


def test_scrambled_it_is_as_even_and_another_one_for_every_seed() -> None:
    space = a_cube(6)

    rows = [[sobol_row(space, index, seed) for index in range(128)] for seed in (1, 2)]

    assert rows[0] != rows[1]
    assert all(qmc.discrepancy(it) < 1.5 * qmc.discrepancy(qmc.Sobol(6, seed=1).random(128)) for it in rows)


def test_it_goes_on_where_accepted_suggestions_ended() -> None:
    space, sobol = a_cube(2), get_algorithm("sobol")
    whole = sobol.suggest(a_request(space, count=6))

    first = sobol.suggest(a_request(space, count=4))
    rest = sobol.suggest(a_request(space, count=4, seed=99, state=first.state_after(2)))

    assert whole.suggestions == first.suggestions[:2] + rest.suggestions


def test_points_of_the_sequence_that_fall_together_are_passed_over() -> None:
    space = a_space(*FINITE)

    answer = get_algorithm("sobol").suggest(a_request(space, count=40))

    assert len({suggested.row for suggested in answer.suggestions}) == len(answer.suggestions) == 32
    assert answer.is_end


def test_settings_say_whether_it_is_scrambled() -> None:
    def ask(**settings: str) -> Answer:
        return get_algorithm("sobol").suggest(a_request(a_cube(2), count=2, settings=settings))

    assert [it.row for it in ask(scramble="false").suggestions] == [(0.0, 0.0), (0.5, 0.5)]
    assert ask(scramble="true") == ask() != ask(scramble="false")


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("scramble", "maybe", "failed to validate scramble(maybe): "),
        ("random_state", "-1", "random_state should be great or equal than zero"),
    ],
)
def test_bad_settings_are_refused(setting: str, value: str, message: str) -> None:
    spec = a_spec("sobol", *MIXED, **{setting: value})

    (problem,) = get_algorithm("sobol").validate(spec, {setting: value})

    assert problem[0] == "spec.algorithm.algorithmSettings[0].value"
    assert problem[1].startswith(message)


def test_more_axes_than_the_table_has_are_refused() -> None:
    axes = [a_parameter(f"p{index}", "double", min=0, max=1) for index in range(MAX_DIMENSIONS + 1)]

    assert list(get_algorithm("sobol").validate(a_spec("sobol", *axes), {})) == [
        ("spec.parameters", "sobol supports at most 128 parameters")
    ]
