"""The search space: what a parameter allows, how a point is written and read, and what is refused."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.search_space import ParameterAssignment, ParameterSpec
from functions.suggestion.algorithms.drawing import draw_row
from functions.suggestion.search_space import SearchSpace, validate_parameters
from tests.unit.algorithm_requests import FINITE, MIXED, a_parameter, a_space

DISTRIBUTIONS = [None, "uniform", "logUniform", "normal", "logNormal"]


@st.composite
def parameters(draw: st.DrawFn) -> ParameterSpec:
    kind = draw(st.sampled_from(["double", "int", "discrete", "categorical"]))
    if kind in {"discrete", "categorical"}:
        return a_parameter("p", kind, list=draw(st.lists(st.text(max_size=3), min_size=1, max_size=5, unique=True)))
    distribution = draw(st.sampled_from(DISTRIBUTIONS))
    numbers = st.integers(-(10**6), 10**6) if kind == "int" else st.decimals(-1000, 1000, places=3)
    low, high = sorted(draw(st.tuples(numbers, numbers)))
    if distribution in {"logUniform", "logNormal"}:
        low, high = abs(low) + 1, abs(low) + abs(high) + 1
    steps = st.integers(1, 1000) if kind == "int" else st.decimals("0.001", 1000, places=3)
    step = draw(st.none() | steps)
    return a_parameter(
        "p", kind, min=str(low), max=str(high), step=str(step) if step else None, distribution=distribution
    )


@given(parameters(), st.integers(0, 2**32))
def test_a_drawn_point_is_within_its_bounds_and_survives_its_text(parameter: ParameterSpec, seed: int) -> None:
    assert list(validate_parameters([parameter])) == []
    space = SearchSpace.from_spec([parameter])

    row = draw_row(space, Random(seed))
    assignments = space.to_assignments(row)

    assert space.to_row(assignments) == row
    if space.axes[0].choices:
        assert assignments[0].value in space.axes[0].choices
    else:
        assert float(parameter.feasible_space.min or "") <= row[0] <= float(parameter.feasible_space.max or "")


def test_assignments_are_read_in_any_order() -> None:
    space = a_space()
    row = draw_row(space, Random(1))

    shuffled = tuple(reversed(space.to_assignments(row)))

    assert space.to_row(shuffled) == row


def test_numbers_are_written_as_users_write_them() -> None:
    space = a_space(
        a_parameter("i", "int", min=1, max=9),
        a_parameter("d", "double", min=0, max=1, step="0.1"),
        a_parameter("e", "double", min="1e-5", max=1),
        a_parameter("c", "categorical", list=["007", "1e3"]),
    )

    assignments = space.to_assignments((3.0, space.axes[1].value_at(3), 1e-5, 0.0))

    assert [assignment.value for assignment in assignments] == ["3", "0.3", "1e-05", "007"]


def test_a_grid_starts_at_min_and_ends_where_a_step_still_fits() -> None:
    space = a_space(
        a_parameter("d", "double", min=0, max=1, step="0.3"), a_parameter("i", "int", min=1, max=10, step=4)
    )

    decay, stride = space.axes

    assert [decay.value_at(index) for index in range(decay.size or 0)] == [0.0, 0.3, 0.6, 0.9]
    assert [stride.value_at(index) for index in range(stride.size or 0)] == [1.0, 5.0, 9.0]


def test_every_index_of_a_finite_space_is_another_point() -> None:
    space = a_space(*FINITE)

    points = {space.row_at(index) for index in range(32)}

    assert space.cardinality == 32
    assert len(points) == 32


@pytest.mark.parametrize(
    ("kind", "choices", "ordered"),
    [
        ("discrete", ["8", "1", "4", "2"], ["1", "2", "4", "8"]),
        ("discrete", ["1e1", "9.5", "-3"], ["1e1", "9.5", "-3"]),
        ("discrete", ["2", "10", "1.0", "1"], ["1.0", "1", "2", "10"]),
        ("discrete", ["8", "1", "auto"], None),
        ("categorical", ["8", "1", "4"], None),
    ],
)
def test_discrete_numbers_have_an_order_however_they_are_listed(
    kind: str, choices: list[str], ordered: list[str] | None
) -> None:
    (axis,) = a_space(a_parameter("p", kind, list=choices)).axes

    texts = [axis.to_text(axis.value_at(index)) for index in range(len(choices))]

    assert axis.is_ordered is (ordered is not None)
    assert texts == (ordered or choices)
    assert [axis.to_text(axis.to_value(text)) for text in choices] == choices


def test_a_continuous_axis_makes_the_space_infinite_unless_its_ends_meet() -> None:
    assert a_space(*MIXED).cardinality is None
    assert a_space(a_parameter("d", "double", min=2, max=2)).cardinality == 1


def test_an_assignment_of_another_space_is_refused() -> None:
    space = a_space(a_parameter("c", "categorical", list=["a"]))

    with pytest.raises(ValueError, match="not in tuple"):
        space.to_row([ParameterAssignment(name="c", value="b")])
    with pytest.raises(KeyError):
        space.to_row([ParameterAssignment(name="d", value="a")])


REFUSED = [
    ("unknown", {"list": ["a"]}, "parameterType", "parameterType: unknown is not supported"),
    ("int", {}, "feasibleSpace", "feasibleSpace must be specified"),
    (
        "int",
        {"min": 1, "max": 2, "distribution": "unknown"},
        "feasibleSpace.distribution",
        "distribution: unknown is not supported",
    ),
    (
        "int",
        {"min": 1, "max": 2, "list": ["1"]},
        "feasibleSpace.list",
        "feasibleSpace.list is not supported for parameterType: int",
    ),
    (
        "double",
        {"min": 1},
        "feasibleSpace.max",
        "feasibleSpace.max or feasibleSpace.min must be specified for parameterType: double",
    ),
    (
        "categorical",
        {"list": ["a"], "step": 1},
        "feasibleSpace",
        "feasibleSpace .max, .min and .step is not supported for parameterType: categorical",
    ),
    (
        "discrete",
        {"list": []},
        "feasibleSpace.list",
        "feasibleSpace.list must not be empty for parameterType: discrete",
    ),
    ("categorical", {"list": ["a", "b", "a"]}, "feasibleSpace.list[2]", "feasibleSpace.list holds 'a' twice"),
    ("double", {"min": "low", "max": 1}, "feasibleSpace.min", "feasibleSpace.min must be a number: low"),
    ("double", {"min": 0, "max": "nan"}, "feasibleSpace.max", "feasibleSpace.max must be a number: nan"),
    ("double", {"min": 0, "max": "inf"}, "feasibleSpace.max", "feasibleSpace.max must be a number: inf"),
    ("double", {"min": 0, "max": "1e999"}, "feasibleSpace.max", "feasibleSpace.max must be finite: 1e999"),
    ("double", {"min": "1_0", "max": 20}, "feasibleSpace.min", "feasibleSpace.min must be a number: 1_0"),
    (
        "int",
        {"min": "0.5", "max": 2},
        "feasibleSpace.min",
        "feasibleSpace.min must be an integer for parameterType: int: 0.5",
    ),
    (
        "int",
        {"min": 0, "max": 2**60},
        "feasibleSpace.max",
        f"feasibleSpace.max must lie between -2^50 and 2^50 for parameterType: int: {2**60}",
    ),
    ("int", {"min": 3, "max": 2}, "feasibleSpace.min", "feasibleSpace.min must not be greater than feasibleSpace.max"),
    ("int", {"min": 1, "max": 2, "step": 0}, "feasibleSpace.step", "feasibleSpace.step must be greater than 0"),
    (
        "double",
        {"min": 0, "max": 1, "step": "1e-300"},
        "feasibleSpace.step",
        "feasibleSpace.step must divide the range into at most 2^50 steps",
    ),
    (
        "double",
        {"min": "-1e308", "max": "1e308"},
        "feasibleSpace.max",
        "feasibleSpace.max - feasibleSpace.min must be finite",
    ),
    (
        "int",
        {"min": 0, "max": 5, "distribution": "logUniform"},
        "feasibleSpace.min",
        "feasibleSpace.min must be greater than 0 for distribution: logUniform",
    ),
]


@pytest.mark.parametrize(("kind", "space", "field", "message"), REFUSED)
def test_what_no_algorithm_could_search_is_refused(
    kind: str, space: dict[str, object], field: str, message: str
) -> None:
    problems = list(validate_parameters([a_parameter("p", kind, **space)]))

    assert problems == [(f"spec.parameters[0].{field}", message)]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    wrong = [
        a_parameter("a", "int", min=2, max=1, step=-1),
        a_parameter("a", "categorical", list=[]),
        a_parameter("", "double", min="x", max="y"),
    ]

    paths = [path for path, _ in SearchSpace.validate_parameters(wrong)]

    assert paths == [
        "spec.parameters[0].feasibleSpace.step",
        "spec.parameters[0].feasibleSpace.min",
        "spec.parameters[1].name",
        "spec.parameters[1].feasibleSpace.list",
        "spec.parameters[2].name",
        "spec.parameters[2].feasibleSpace.min",
        "spec.parameters[2].feasibleSpace.max",
    ]


def test_bounds_that_meet_and_words_of_whole_numbers_are_allowed() -> None:
    allowed = [a_parameter("a", "int", min="3.0", max="3"), a_parameter("b", "double", min=0.5, max=0.5, step=7)]

    assert list(validate_parameters(allowed)) == []
    assert draw_row(SearchSpace.from_spec(allowed), Random(1)) == (3.0, 0.5)


def test_a_number_of_many_digits_is_refused_before_long() -> None:
    parameter = a_parameter("p", "double", min="1" * 200_000 + "x", max="2")

    (problem,) = validate_parameters([parameter])

    assert problem[0] == "spec.parameters[0].feasibleSpace.min"
