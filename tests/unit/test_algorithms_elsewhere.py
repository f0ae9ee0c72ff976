"""Where `auto` looks when nothing better comes any more."""

import numpy as np
import pytest

from functions.suggestion.algorithms.acquisition import GaussianProposer
from functions.suggestion.algorithms.cube import Cube
from functions.suggestion.algorithms.elsewhere import STAY, find_region, is_stuck
from functions.suggestion.search_space import Row
from tests.unit.algorithm_requests import a_parameter, a_request, a_space
from tests.unit.search_loop import best_of, search

NUMBERS = (a_parameter("x", "double", min=0, max=1), a_parameter("y", "double", min=0, max=1))
SPACE = a_space(*NUMBERS, a_parameter("kind", "categorical", list=["a", "b", "c"]))


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([], False),
        ([1.0] * 20, False),
        ([*range(100, 0, -1)], False),
        ([*range(100, 40, -1), *[50.0] * 20], True),
        ([*range(100, 40, -1), *[40.999] * 20], True),
        ([*range(100, 40, -1), *[30.0] * 20], False),
        ([float("nan")] * 50, False),
        ([float("inf"), *range(100, 40, -1), *[float("nan")] * 50], False),
    ],
)
def test_it_is_stuck_when_the_newest_have_brought_nothing_to_speak_of(losses: list[float], expected: bool) -> None:
    assert is_stuck(np.array(losses, dtype=np.float64)) is expected


def test_each_other_choice_has_its_time() -> None:
    cube, best = Cube(SPACE), np.array([0.5, 0.5, 1.0])

    regions = [find_region(cube, best, count) for count in range(60 * STAY)]

    assert {region.choice for region in regions if region} == {0, 2}
    assert all(len(set(regions[first : first + STAY])) == 1 for first in range(0, len(regions), STAY))


def test_without_an_unordered_list_there_is_no_other_place() -> None:
    assert find_region(Cube(a_space(*NUMBERS)), np.array([0.5, 0.5]), 100) is None


def test_points_of_a_region_are_proposed_from_there() -> None:
    past = search("random", SPACE, lambda row: row[0] + row[2], budget=60)
    proposer = GaussianProposer(a_request(SPACE, finished=past))
    region = find_region(Cube(SPACE), np.array([0.0, 0.0, 0.0]), 60)

    assert region is not None
    assert {row[2] for row in proposer.propose(region)} == {float(region.choice)}
    assert len({row[2] for row in proposer.propose()}) > 1


def test_a_better_choice_is_found_though_it_looks_worse_nearly_everywhere() -> None:
    def trap(row: Row) -> float:
        if row[2] == 0:
            return 1 + (row[0] - 0.5) ** 2 + (row[1] - 0.5) ** 2
        return 3 * (1 + row[2]) * min(1.0, abs(row[0] - 0.9) + abs(row[1] - 0.15))

    assert best_of(search("auto", SPACE, trap, budget=120)) < 0.5
