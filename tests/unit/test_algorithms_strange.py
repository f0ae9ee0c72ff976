"""Strange histories, for every algorithm: it suggests points of the space all the same, and always the same ones."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.search_space import ParameterSpec
from functions.suggestion.algorithms import ALGORITHM_NAMES, get_algorithm
from functions.suggestion.algorithms.interface import Request
from functions.suggestion.search_space import Row, SearchSpace
from tests.unit.algorithm_requests import a_parameter, a_request, a_space

OURS = [name for name in ALGORITHM_NAMES if name not in {"darts", "enas", "http"}]
"""Those that search parameters, and answer by themselves."""

ORDERED = (
    a_parameter("a", "double", min=-1, max=1),
    a_parameter("b", "double", min="1e-5", max="0.1", distribution="logUniform"),
    a_parameter("c", "int", min=1, max=9, step=3),
    a_parameter("d", "double", min=1, max=3, step="0.5", distribution="logNormal"),
    a_parameter("e", "int", min=-5, max=70, distribution="normal"),
)
LISTS = (a_parameter("f", "categorical", list=["x", "y", "z"]), a_parameter("g", "discrete", list=["1", "10", "100"]))
FIXED = a_parameter("h", "int", min=3, max=3)
SMALL = (a_parameter("c", "int", min=1, max=3), a_parameter("d", "double", min=0, max=1, step="0.5"))

NARROW = (
    a_parameter("c", "double", min=100, max="100.00000000000001", distribution="logUniform"),
    a_parameter("k", "double", min=1, max="1.0000000000000002", distribution="logNormal"),
    a_parameter("l", "double", min=0, max="5e-324", distribution="normal"),
    a_parameter("m", "double", min=3, max=3, distribution="normal"),
    a_parameter("n", "int", min=1, max=2, step=5, distribution="logNormal"),
)
HUGE = (
    a_parameter("c", "double", min="5e-324", max=9, step="0.1", distribution="logUniform"),
    a_parameter("o", "double", min="8e307", max="1.7e308", distribution="normal"),
    a_parameter("p", "double", min="8e307", max="1.7e308"),
    a_parameter("q", "double", min="-8e307", max="8e307", step="4e307"),
    a_parameter("r", "double", min="1e-300", max="1e300", distribution="logUniform"),
    a_parameter("s", "double", min="1e300", max="1.7e308", step="2e307", distribution="logNormal"),
)
CONTINUOUS = (a_parameter("a", "double", min=1, max="1.0000000000000002"), a_parameter("b", "double", min=3, max=3))
"""Without a step, and with two points all the same."""

SPACES = {
    "grid": [SMALL, (*SMALL, *LISTS, FIXED)],
    "cmaes": [SMALL, ORDERED, (*SMALL, FIXED), (*ORDERED, *LISTS), NARROW, HUGE, CONTINUOUS],
    "hyperband": [(*SMALL, *LISTS), (*ORDERED, *LISTS, FIXED), HUGE],
    "bohb": [(*SMALL, *LISTS), (*ORDERED, *LISTS, FIXED), HUGE],
    "asha": [(*SMALL, *LISTS), (*ORDERED, *LISTS, FIXED), HUGE],
}
ALL_SPACES = [SMALL, (*SMALL, FIXED), (*ORDERED, *LISTS, FIXED), LISTS, (FIXED,), NARROW, HUGE, CONTINUOUS]
HALVED = ("asha", "bohb", "hyperband")
HALVING = {"r_l": "9", "eta": "3", "resource_name": "c"}
SETTINGS = {
    "hyperband": HALVING,
    "bohb": HALVING | {"min_points_in_model": "3"},
    "asha": HALVING,
    "pbt": {"n_population": "5", "truncation_threshold": "0.2", "suggestion_trial_dir": "/checkpoints"},
}

LOSSES = st.one_of(
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1.0, 1e308, -1e308, 5e-324]), st.floats(width=64)
)
STRANGE_VALUES = st.sampled_from([-1e9, -0.5, 0.0, 0.3, 1.0, 2.0, 3.0, 99.0, 1e12])
"""From an earlier space, too: a value outside the bounds, between the steps, or the index of a choice that is gone."""


def requests(space: SearchSpace, name: str) -> st.SearchStrategy[Request]:
    width = len(space.axes)
    rows = st.tuples(*(_values(space, index) for index in range(width)))
    histories = st.lists(st.tuples(rows, LOSSES), max_size=25) | _uniform(rows)
    return st.builds(
        a_request,
        st.just(space),
        finished=histories,
        pending=st.lists(rows, max_size=4),
        count=st.integers(1, 4),
        seed=st.integers(0, 2**32 - 1),
        settings=st.just(SETTINGS.get(name, {})),
    )


def _values(space: SearchSpace, index: int) -> st.SearchStrategy[float]:
    axis = space.axes[index]
    return st.sampled_from([axis.low, axis.high, axis.snap((axis.low + axis.high) / 2)]) | STRANGE_VALUES


def _uniform(rows: st.SearchStrategy[Row]) -> st.SearchStrategy[list[tuple[Row, float]]]:
    """Return histories of one point, of one loss, or of failures alone."""
    one_point = st.tuples(rows, st.integers(11, 20)).map(lambda it: [(it[0], float(i)) for i in range(it[1])])
    one_loss = st.tuples(st.lists(rows, min_size=11, max_size=20), LOSSES).map(lambda it: [(r, it[1]) for r in it[0]])
    return one_point | one_loss


@pytest.mark.parametrize("name", OURS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_no_history_is_too_strange(name: str, data: st.DataObject) -> None:
    space = a_space(*data.draw(st.sampled_from(SPACES.get(name, ALL_SPACES))))
    request = data.draw(requests(space, name))

    answer = get_algorithm(name).suggest(request)

    assert answer == get_algorithm(name).suggest(request)
    assert len(answer.suggestions) <= request.count
    assert answer.suggestions or answer.is_end
    assert_inside(space, [suggested.row for suggested in answer.suggestions])


@pytest.mark.parametrize("name", [name for name in OURS if name not in {"grid", "pbt", *HALVED}])
@pytest.mark.parametrize("parameters", [NARROW, HUGE, CONTINUOUS], ids=["narrow", "huge", "continuous"])
def test_ranges_at_the_ends_of_what_doubles_hold_are_searched(name: str, parameters: Sequence[ParameterSpec]) -> None:
    space = a_space(*parameters)
    halves = [
        space.snap(tuple(axis.low + share / 12 * (axis.high - axis.low) for axis in space.axes)) for share in range(13)
    ]
    finished = [(row, float(index)) for index, row in enumerate(halves)]

    answer = get_algorithm(name).suggest(a_request(space, finished=finished, count=3))

    assert answer.suggestions or answer.is_end
    assert_inside(space, [suggested.row for suggested in answer.suggestions])


@pytest.mark.parametrize("name", OURS)
def test_fewer_accepted_than_suggested_lose_nothing(name: str) -> None:
    space = a_space(*SPACES.get(name, ALL_SPACES)[0])
    whole = a_request(space, count=4, settings=SETTINGS.get(name))
    first = get_algorithm(name).suggest(whole)
    accepted = [suggested.row for suggested in first.suggestions[:2]]

    rest = get_algorithm(name).suggest(
        a_request(space, pending=accepted, count=9, seed=9, state=first.state_after(2), settings=SETTINGS.get(name))
    )

    assert_inside(space, [suggested.row for suggested in rest.suggestions])
    assert not {suggested.row for suggested in rest.suggestions} & set(accepted)


def assert_inside(space: SearchSpace, rows: Sequence[Row]) -> None:
    for row in rows:
        assert [axis.snap(value) for axis, value in zip(space.axes, row, strict=True)] == list(row)
        assert row == space.to_row(space.to_assignments(row))
