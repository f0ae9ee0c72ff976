"""The populations of NSGA: who is a parent, and what is remembered of that."""

import math
from dataclasses import replace

import numpy as np
import pytest

from events.resource import Manifest
from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.algorithms.breeding import reference_points
from functions.suggestion.algorithms.interface import Answer, Request
from functions.suggestion.history import History
from functions.suggestion.searching import scored
from tests.unit.algorithm_requests import a_parameter, a_request, a_space

BOTH = [{"type": "minimize", "objectiveMetricName": name} for name in ("loss", "seconds")]
SPACE = a_space(a_parameter("x", "double", min=0, max=1))


def known(*losses: float, second: float | None = None) -> History:
    """Return Trials along the axis, with the same number for both objectives unless the second is given."""
    return extend(History.empty(1, other_count=1), *losses, second=second)


def extend(history: History, *losses: float, second: float | None = None) -> History:
    rows = [((len(history) + index) / 100,) for index in range(len(losses))]
    others = [[loss if second is None else second] for loss in losses]
    return history.extend(rows, losses, len(history) + len(losses), others=others)


def ask(name: str, history: History, *, state: Manifest | None = None, **settings: str) -> Answer:
    request: Request = a_request(SPACE, count=3, state=state, settings=settings, objectives=BOTH)
    own = len(history) - history.prior_count
    return get_algorithm(name).suggest(scored(replace(request, history=history, first_number=own + 1), name))


@pytest.mark.parametrize("name", ["nsgaii", "nsgaiii", "tpe", "auto"])
def test_a_trial_that_lacks_an_objective_is_no_result(name: str) -> None:
    history = known(*[1.0] * 60, second=math.nan)

    assert len(ask(name, history).suggestions) == 3


def test_parents_are_kept_as_plain_numbers_and_replaced_by_better_ones() -> None:
    history = known(*(40.0 - index for index in range(40)))

    first = ask("nsgaii", history, population_size="4")
    later = ask("nsgaii", extend(history, 0.5, 99.0), state=first.state, population_size="4")

    assert first.state == {"seen": 40, "parents": [36, 37, 38, 39], "priors": 0, "prior_parents": []}
    assert later.state == {"seen": 42, "parents": [37, 38, 39, 40], "priors": 0, "prior_parents": []}


def test_parents_stay_who_they_are_when_an_earlier_experiment_is_deleted() -> None:
    before, shorter = known(9.0, 3.0, 8.0, 7.0, 6.0).as_prior(), known(9.0, 8.0).as_prior()
    own = (5.0, 2.0, 4.0, 1.0)

    first = ask("nsgaii", extend(before, *own), population_size="4")
    later = ask("nsgaii", extend(shorter, *own, 0.5), state=first.state, population_size="4")

    assert first.state == {"seen": 4, "parents": [1, 2, 3], "priors": 5, "prior_parents": [1]}
    assert later.state == {"seen": 5, "parents": [1, 2, 3, 4], "priors": 2, "prior_parents": []}


def test_a_state_of_an_earlier_version_begins_again_from_all_that_is_known() -> None:
    old: Manifest = {"seen": 90, "parents": [80, 81, 82, 83]}

    answer = ask("nsgaii", known(5.0, 2.0, 4.0, 1.0, 3.0), state=old, population_size="4")

    assert answer.state == {"seen": 5, "parents": [1, 2, 3, 4], "priors": 0, "prior_parents": []}


def test_reference_points_share_out_the_whole() -> None:
    for count in (2, 3, 4, 5, 7):
        points = reference_points(count)
        assert np.allclose(points.sum(axis=1), 1)
        assert len(points) >= 40
