"""The search space as a cube: what is drawn in it are points of the space, also where parameters depend on others."""

import numpy as np

from events.search_space import ParameterSpec, When
from functions.suggestion.algorithms.cube import Cube
from tests.unit.algorithm_requests import MIXED, a_parameter, a_space


def a_dependent(parameter: ParameterSpec, on: str, *values: str) -> ParameterSpec:
    return parameter.model_copy(update={"when": When(parameter=on, values=values)})


NESTED = a_space(
    a_dependent(a_parameter("rate", "double", min="-1", max="1", distribution="normal"), "layers", "3", "4"),
    a_parameter("kind", "categorical", list=["a", "b", "c"]),
    a_dependent(a_parameter("layers", "int", min=1, max=9, distribution="logUniform"), "kind", "b", "c"),
    a_parameter("fixed", "int", min=3, max=3),
    a_dependent(a_parameter("size", "double", min=0, max=1), "fixed", "3"),
    a_dependent(a_parameter("never", "double", min=0, max=1), "fixed", "4"),
)


def test_points_that_are_drawn_have_the_lowest_value_of_what_is_inactive() -> None:
    cube, rng = Cube(NESTED), np.random.default_rng(1)

    points = cube.draw(rng, 500)
    points = np.vstack([points, cube.disturb(points[:20], rng, 20, 0.1)])
    rows = [cube.decode(point) for point in points]

    assert all(np.allclose(NESTED.fill(row), row) for row in rows)
    assert {NESTED.activity(row)[0] for row in rows} == {True, False}
    assert np.abs(cube.encode(np.array(rows)) - points).max() < 1e-9


def test_points_come_back_as_they_were() -> None:
    cube = Cube(a_space(*MIXED))

    points = cube.draw(np.random.default_rng(2), 200)
    again = cube.encode(np.array([cube.decode(point) for point in points]))

    assert np.abs(again - points).max() < 1e-9
