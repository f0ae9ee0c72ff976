"""The unit interval behind an axis: there and back, also where doubles end."""

import math
from collections.abc import Mapping

import pytest

from events.search_space import ParameterSpec
from functions.suggestion.search_space import validate_parameters
from functions.suggestion.unit import from_unit, to_unit
from tests.unit.algorithm_requests import a_parameter, a_space

RANGES: list[Mapping[str, object]] = [
    {"min": 3, "max": 3},
    {"min": 1, "max": "1.5", "step": 1},
    {"min": 100, "max": "100.00000000000001"},
    {"min": "8e307", "max": "1.7e308"},
    {"min": "1e300", "max": "1.7e308", "step": "1.6e308"},
    {"min": "1e-300", "max": "1e300"},
    {"min": "5e-324", "max": "1e-323"},
    {"min": "5e-324", "max": 1, "step": "0.1"},
]


@pytest.mark.parametrize("distribution", ["uniform", "normal", "logUniform", "logNormal"])
@pytest.mark.parametrize("bounds", RANGES)
def test_every_place_is_a_value_of_the_axis_and_back(bounds: Mapping[str, object], distribution: str) -> None:
    parameter = a_parameter("x", "double", distribution=distribution, **bounds)
    (axis,) = a_space(parameter).axes

    values = [from_unit(axis, index / 10) for index in range(11)]

    assert list(validate_parameters([parameter])) == []
    assert values == sorted(values) == [axis.snap(value) for value in values]
    assert axis.low <= values[0] <= values[-1] <= axis.high
    assert all(0 <= to_unit(axis, value) <= 1 for value in values)


def test_a_grid_that_fills_what_doubles_hold_has_both_ends() -> None:
    (axis,) = a_space(a_parameter("x", "double", min="-8.9e307", max="8.9e307", step="1.78e308")).axes

    assert (from_unit(axis, 0.0), from_unit(axis, 1.0)) == (axis.low, axis.high) == (-8.9e307, 8.9e307)


@pytest.mark.parametrize(
    "parameter",
    [
        a_parameter("x", "double", min=0, max="1e-320", step="5e-324"),
        a_parameter("x", "double", min="1e16", max="1.00000000000001e16", step="0.1"),
    ],
)
def test_a_step_that_doubles_round_away_is_refused(parameter: ParameterSpec) -> None:
    ((path, message),) = validate_parameters([parameter])

    assert path == "spec.parameters[0].feasibleSpace.step"
    assert message.startswith("feasibleSpace.step must be at least ")


def test_the_middle_of_a_normal_axis_is_the_middle_of_its_bounds() -> None:
    (axis,) = a_space(a_parameter("x", "double", min=1, max=100, distribution="logNormal")).axes

    assert math.isclose(from_unit(axis, 0.5), 10.0)
