"""PBT: generations that follow one another whatever finishes when, who is copied, and where checkpoints come from."""

import math
from random import Random

import pytest

from events.resource import Manifest
from functions.identity import derive_trial_name
from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.algorithms.interface import Answer
from functions.suggestion.algorithms.perturbing import perturb_row
from functions.suggestion.search_space import Row
from functions.trial.lineage import POPULATION
from tests.builders import a_reference
from tests.unit.algorithm_requests import MIXED, a_parameter, a_request, a_space, a_spec

SPACE = (a_parameter("x", "double", min=0, max=1), a_parameter("n", "int", min=1, max=9))
FIVE = {"n_population": "5", "truncation_threshold": "0.2", "suggestion_trial_dir": "/checkpoints"}


def ask(finished: dict[int, tuple[Row, float]], pending: dict[int, Row], state: Manifest | None, count: int) -> Answer:
    request = a_request(
        a_space(*SPACE),
        finished=list(finished.values()),
        numbers=list(finished),
        pending=list(pending.values()),
        count=count,
        settings=FIVE,
        state=state,
        experiment=a_reference(),
    )
    answer = get_algorithm("pbt").suggest(request)
    assert answer == get_algorithm("pbt").suggest(request)
    return answer


@pytest.mark.parametrize("parallel", [1, 3, 50])
@pytest.mark.parametrize("accepting", [1, 99])
@pytest.mark.parametrize("failing", [0.0, 0.4, 1.0])
def test_every_generation_is_whole_whatever_fails(parallel: int, accepting: int, failing: float) -> None:
    rng, state, sizes = Random(parallel), None, [0] * 4
    pending: dict[int, Row] = {}
    finished: dict[int, tuple[Row, float]] = {}
    while len(finished) < 20:
        answer = ask(finished, pending, state, parallel - len(pending))
        accepted = answer.suggestions[: min(accepting, 20 - len(finished) - len(pending))]
        for suggested in accepted:
            pending[len(finished) + len(pending) + 1] = suggested.row
            sizes[int(suggested.labels[POPULATION.generation])] += 1
        state = answer.state_after(len(accepted))
        number = rng.choice(list(pending))
        row = pending.pop(number)
        finished[number] = (row, math.nan if rng.random() < failing else row[0])

    assert sizes == [5, 5, 5, 5]


def test_a_loser_goes_on_from_the_winners_checkpoint_with_its_values_and_others_from_their_own() -> None:
    first = ask({}, {}, None, 5)
    rows = {number: suggested.row for number, suggested in enumerate(first.suggestions, start=1)}
    losses = {1: 0.3, 2: 0.1, 3: math.nan, 4: 0.2, 5: 0.5}

    second = ask({number: (rows[number], losses[number]) for number in rows}, {}, first.state_after(5), 5)

    names = {number: derive_trial_name(a_reference(), number) for number in rows}
    assert [it.labels[POPULATION.parent] for it in second.suggestions] == [names[n] for n in (1, 2, 2, 4, 5)]
    assert second.suggestions[2].row == rows[2]
    assert second.suggestions[0].row != rows[1]


@pytest.mark.parametrize("resample_probability", [0.0, 0.5, 1.0])
def test_a_step_stays_in_the_space_and_integers_stay_integers(resample_probability: float) -> None:
    space, rng = a_space(*MIXED), Random(1)
    row = tuple(axis.low for axis in space.axes)

    for _ in range(200):
        row = perturb_row(space, row, resample_probability, rng)

        assert row == space.snap(row)
        assert row == space.to_row(space.to_assignments(row))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"n_population": "", "suggestion_trial_dir": ""},
            "Required params missing: suggestion_trial_dir, n_population",
        ),
        ({"n_population": "4"}, "Param(n_population) should be >= 5"),
        ({"truncation_threshold": "1.1"}, "Param(truncation_threshold) should be between 0 and 1, inclusive"),
        ({"resample_probability": "-1"}, "Param(resample_probability) should be between 0 and 1, inclusive"),
        (
            {"n_population": "many"},
            "failed to validate n_population(many): invalid literal for int() with base 10: 'many'",
        ),
        ({"resample_probability": "0.5"}, None),
    ],
)
def test_bad_settings_are_refused_in_katibs_words(changes: dict[str, str], message: str | None) -> None:
    settings = FIVE | changes

    problems = [text for _, text in get_algorithm("pbt").validate(a_spec("pbt", *SPACE, **settings), settings)]

    assert problems == ([message] if message else [])
