"""Random search: how it spreads its points."""

import math
from collections import Counter
from random import Random

import pytest

from events.search_space import ParameterSpec
from functions.suggestion.algorithms.drawing import draw_value
from functions.suggestion.search_space import SearchSpace
from tests.unit.algorithm_requests import a_parameter


def draw(parameter: ParameterSpec, count: int = 4_000) -> list[float]:
    (axis,) = SearchSpace.from_spec([parameter]).axes
    rng = Random(11)
    return [draw_value(axis, rng) for _ in range(count)]


def test_the_ends_of_an_int_range_are_as_likely_as_the_rest() -> None:
    counts = Counter(draw(a_parameter("i", "int", min=1, max=5)))

    assert sorted(counts) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert all(700 < count < 900 for count in counts.values())


def test_steps_count_from_min_and_stay_within_the_bounds() -> None:
    assert set(draw(a_parameter("i", "int", min=1, max=9, step=4))) == {1.0, 5.0, 9.0}
    assert set(draw(a_parameter("d", "double", min="0.02", max="0.09", step="0.05"))) == {0.02, 0.07}


def test_log_uniform_gives_every_decade_the_same_share() -> None:
    values = draw(a_parameter("d", "double", min="0.001", max=1, distribution="logUniform"))

    counts = Counter(math.floor(math.log10(value)) for value in values)

    assert all(1_200 < counts[decade] < 1_470 for decade in (-3, -2, -1))


def test_log_uniform_with_a_step_stays_on_the_grid() -> None:
    values = draw(a_parameter("d", "double", min="0.1", max="10", step="0.1", distribution="logUniform"))

    assert min(values) == 0.1
    assert max(values) == 10.0
    assert all(round(value, 1) == value for value in values)
    assert 0.45 < sum(value < 1 for value in values) / len(values) < 0.6


@pytest.mark.parametrize("kind", ["double", "int"])
def test_normal_gathers_in_the_middle_and_stays_within_the_bounds(kind: str) -> None:
    values = draw(a_parameter("p", kind, min=0, max=60, distribution="normal"))

    within_a_deviation = sum(20 <= value <= 40 for value in values) / len(values)

    assert 0 <= min(values) <= max(values) <= 60
    assert 0.65 < within_a_deviation < 0.74


def test_log_normal_gathers_in_the_middle_of_the_logarithms() -> None:
    values = draw(a_parameter("p", "double", min="0.1", max="10", distribution="logNormal"))

    assert 0.1 <= min(values) <= max(values) <= 10
    assert 0.47 < sum(value < 1 for value in values) / len(values) < 0.53
