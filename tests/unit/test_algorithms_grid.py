"""Grid search: every combination once, whatever was accepted of an answer, and then the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.resource import Manifest
from functions.suggestion.algorithms.grid import GRID
from functions.suggestion.algorithms.permutation import permute
from functions.suggestion.search_space import Row
from tests.unit.algorithm_requests import FINITE, a_parameter, a_request, a_space, a_spec


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_an_order_holds_every_index_once(size: int, seed: int) -> None:
    assert sorted(permute(index, size, seed) for index in range(size)) == list(range(size))


def test_an_order_belongs_to_its_seed_and_is_not_the_plain_one() -> None:
    orders = [[permute(index, 50, seed) for index in range(50)] for seed in (1, 2)]

    assert orders[0] != orders[1]
    assert list(range(50)) not in orders


def test_an_order_needs_no_memory() -> None:
    assert 0 <= permute(10**100, 10**200, 1) < 10**200


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=8))
def test_a_grid_visits_every_combination_once_however_much_was_accepted(calls: list[tuple[int, int]]) -> None:
    space, visited = a_space(*FINITE), list[Row]()
    state: Manifest | None = None
    is_end = False

    for seed, (count, accepted) in enumerate([*calls, *[(9, 9)] * 5]):
        answer = GRID.suggest(a_request(space, count=count, seed=seed, state=state))
        taken = min(accepted, len(answer.suggestions))
        visited += [suggested.row for suggested in answer.suggestions[:taken]]
        state, is_end = answer.state_after(taken), answer.is_end_after(taken)

    assert len(visited) == len(set(visited)) == 32 or not is_end
    assert is_end == (len(visited) == 32)


def test_a_grid_repeats_no_seed_unless_duplicates_are_allowed() -> None:
    x = a_parameter("x", "int", min=0, max=4)
    seeds = [{"parameters": {"x": "2"}}, {"parameters": {"x": "4"}, "observation": {"loss": 0.5}}]

    def given(**more: object) -> list[float]:
        answer = GRID.suggest(a_request(a_space(x), count=9, seedTrials=seeds, **more))
        assert answer.is_end
        return sorted(suggested.row[0] for suggested in answer.suggestions)

    assert given() == [0, 1, 3]
    assert given(allowDuplicates=True) == [0, 1, 2, 3, 4]


def test_a_grid_that_has_ended_gives_nothing_more() -> None:
    answer = GRID.suggest(a_request(a_space(*FINITE), state={"seed": 1, "next": 32}))

    assert answer.suggestions == ()
    assert answer.is_end_after(0)


def test_a_grid_holds_short_decimals_up_to_max() -> None:
    space = a_space(a_parameter("d", "double", min="0.01", max="0.05", step="0.01"))

    answer = GRID.suggest(a_request(space, count=9))

    texts = {space.to_assignments(suggested.row)[0].value for suggested in answer.suggestions}
    assert texts == {"0.01", "0.02", "0.03", "0.04", "0.05"}


def test_a_continuous_axis_is_refused_in_katibs_words() -> None:
    spec = a_spec("grid", a_parameter("i", "int", min=1, max=2), a_parameter("lr", "double", min=0, max=1))

    assert list(GRID.validate(spec, {})) == [
        (
            "spec.parameters[1].feasibleSpace.step",
            "Param lr step is nil; For discrete search space, all parameters must include step",
        )
    ]


@pytest.mark.parametrize(("budget", "is_refused"), [(None, False), (32, False), (33, True)])
def test_a_budget_above_the_combinations_is_refused_in_katibs_words(budget: int | None, is_refused: bool) -> None:
    problems = list(GRID.validate(a_spec("grid", *FINITE, max_trial_count=budget), {}))

    expected = [("spec.maxTrialCount", "Max Trial Count: 33 > all possible search combinations: 32")]
    assert problems == (expected if is_refused else [])
