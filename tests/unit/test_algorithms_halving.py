"""`bohb` and `asha`: who goes on from whose checkpoint and with how much, whatever finishes when."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.resource import Manifest
from functions.identity import derive_trial_name, derive_trial_uid
from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.algorithms.halving import BRACKET_LABEL
from functions.suggestion.algorithms.interface import Request, Suggested
from functions.suggestion.history import History
from functions.suggestion.search_space import Row
from functions.trial.lineage import RUNGS
from tests.builders import a_reference
from tests.unit.algorithm_requests import a_parameter, a_request, a_space, a_spec

SPACE = (
    a_parameter("x", "double", min=0, max=1),
    a_parameter("epochs", "int", min=1, max=300),
    a_parameter("o", "categorical", list=["a", "b"]),
)
SMALL = (a_parameter("x", "int", min=0, max=3), a_parameter("epochs", "int", min=1, max=9))
NINE = {"r_l": "9", "eta": "3", "resource_name": "epochs"}
BUDGETS = {0: 1.0, 1: 3.0, 2: 9.0}


@dataclass
class Search:
    """An Experiment with Trials that end in any order, some of them without a result."""

    name: str
    parameters: tuple[object, ...] = SPACE
    settings: dict[str, str] = field(default_factory=lambda: dict(NINE))
    state: Manifest | None = None
    is_end: bool = False
    trials: dict[int, Suggested] = field(default_factory=dict)
    losses: dict[int, float] = field(default_factory=dict)
    """By number, in the order in which they came."""

    @property
    def pending(self) -> dict[int, Suggested]:
        return {number: it for number, it in self.trials.items() if number not in self.losses}

    def request(self, count: int) -> Request:
        space = a_space(*self.parameters)  # type: ignore[arg-type]
        done = [self.trials[number] for number in self.losses]
        history = History.empty(len(space.axes)).extend(
            [it.row for it in done],
            list(self.losses.values()),
            len(done),
            numbers=list(self.losses),
            labels=[it.labels for it in done],
        )
        return replace(
            a_request(space, count=count, settings=self.settings, state=self.state, seed=len(self.trials)),
            history=history,
            pending=[it.row for it in self.pending.values()],
            pending_numbers=list(self.pending),
            pending_labels=[it.labels for it in self.pending.values()],
            first_number=len(self.trials) + 1,
            experiment=a_reference(),
        )

    def ask(self, count: int, *, accepting: int = 99) -> list[Suggested]:
        """Ask twice, which is the same, and create at most so many of the Trials."""
        request = self.request(count)
        answer = get_algorithm(self.name).suggest(request)
        assert answer == get_algorithm(self.name).suggest(request)
        created = list(answer.suggestions[:accepting])
        self.state = json.loads(json.dumps(answer.state_after(len(created))))
        self.is_end = answer.is_end_after(len(created))
        self.trials |= {len(self.trials) + 1 + index: it for index, it in enumerate(created)}
        return created

    def finish(self, number: int, loss: float) -> None:
        self.losses[number] = loss

    def rung(self, number: int) -> int:
        return int(self.trials[number].labels[RUNGS.generation])

    def parent(self, number: int) -> int | None:
        """Return the number of the Trial that this one goes on from; its labels name that one in two ways."""
        labels = self.trials[number].labels
        if RUNGS.parent not in labels:
            return None
        (found,) = [it for it in self.trials if derive_trial_name(a_reference(), it) == labels[RUNGS.parent]]
        assert labels[RUNGS.parent_uid] == derive_trial_uid(a_reference(), found)
        return found


def check(search: Search) -> None:
    """Every Trial above the first rung goes on from one Trial of the rung below, which no other goes on from."""
    parents = [parent for number in search.trials if (parent := search.parent(number))]
    assert len(parents) == len(set(parents))
    for number, trial in search.trials.items():
        parent = search.parent(number)
        assert (parent is None) == (search.rung(number) == 0 or (BRACKET_LABEL in trial.labels and not parent))
        if parent is None:
            continue
        above = search.trials[parent]
        assert search.rung(parent) == search.rung(number) - 1
        assert trial.labels[RUNGS.family] == above.labels[RUNGS.family]
        assert (trial.row[0], *trial.row[2:]) == (above.row[0], *above.row[2:])
        assert trial.row[1] == 3 * above.row[1]
        assert not math.isnan(search.losses[parent])


def run(search: Search, data: st.DataObject, budget: int) -> None:
    """Run a search with any number at a time, in which Trials end in any order, failed or tied or without bounds."""
    losses = st.sampled_from([math.nan, 0.0, 1.0]) | st.floats(allow_nan=False)
    parallel = data.draw(st.integers(1, 12))
    while len(search.losses) < budget and (search.pending or not search.is_end):
        free = min(parallel - len(search.pending), budget - len(search.trials))
        if not search.is_end and free:
            search.ask(free, accepting=data.draw(st.integers(1, 12)))
        assert search.pending or search.is_end, "it would wait for ever"
        if search.pending:
            search.finish(data.draw(st.sampled_from(list(search.pending))), data.draw(losses))


@pytest.mark.parametrize("name", ["asha", "bohb", "hyperband"])
@settings(max_examples=12, deadline=None, derandomize=True)
@given(data=st.data())
def test_whatever_finishes_when_each_goes_on_from_its_own_checkpoint(name: str, data: st.DataObject) -> None:
    search = Search(name)

    run(search, data, budget=30)

    check(search)
    assert len(search.losses) == len(search.trials) == (30 if name != "hyperband" else len(search.trials))


@pytest.mark.parametrize("name", ["asha", "bohb"])
@settings(max_examples=8, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_space_that_is_used_up_ends_the_search(name: str, data: st.DataObject) -> None:
    search = Search(name, SMALL)

    run(search, data, budget=60)

    assert search.is_end
    assert {trial.row[0] for trial in search.trials.values()} == {0, 1, 2, 3}


def test_asha_promotes_at_once_and_from_the_highest_rung_first() -> None:
    search = Search("asha")
    search.ask(6)
    for number, loss in ((1, 0.6), (2, 0.2), (3, 0.4)):
        search.finish(number, loss)

    (promoted, fresh) = search.ask(2)

    assert (search.parent(7), promoted.row[1], promoted.row[0]) == (2, 3.0, search.trials[2].row[0])
    assert (search.parent(8), fresh.row[1]) == (None, 1.0)
    for number, loss in ((4, 0.1), (5, 0.3), (6, 0.5), (7, 0.9)):
        search.finish(number, loss)
    search.ask(1)
    assert search.parent(9) == 4
    assert [it.labels[RUNGS.generation] for it in search.ask(3)] == ["0", "0", "0"]


def test_asha_never_promotes_what_failed() -> None:
    search = Search("asha")
    search.ask(9)
    for number in range(1, 10):
        search.finish(number, math.nan)

    assert {it.labels[RUNGS.generation] for it in search.ask(5)} == {"0"}


def test_asha_leaves_the_lowest_rungs_out_where_it_is_told_to() -> None:
    search = Search("asha", settings={**NINE, "min_early_stopping_rate": "1"})

    assert {it.row[1] for it in search.ask(4)} == {3.0}


def test_bohb_begins_its_brackets_again_and_never_ends() -> None:
    search = Search("bohb")
    rng, brackets = Random(1), {}
    while len(search.trials) < 60:
        created = search.ask(3 - len(search.pending))
        brackets |= {it.labels[RUNGS.family]: it.labels[BRACKET_LABEL] for it in created}
        number = rng.choice(list(search.pending))
        search.finish(number, search.trials[number].row[0])

    assert not search.is_end
    assert list(brackets.values())[:5] == list("21021")


def test_bohb_learns_from_the_largest_budget_that_has_enough_results() -> None:
    assert mean_of(lambda row: abs(row[0] - 0.8)) == pytest.approx(0.8, abs=0.1)
    assert mean_of(lambda row: abs(row[0] - (0.2 if row[1] > 3 else 0.8))) == pytest.approx(0.2, abs=0.15)


def mean_of(loss: Callable[[Row], float]) -> float:
    """Return the middle of the new points that a model suggests after a hundred Trials."""
    search = Search("bohb", settings={**NINE, "random_fraction": "0"})
    while len(search.trials) < 110:
        search.ask(1)
        number = max(search.trials)
        search.finish(number, loss(search.trials[number].row))
    new = [it.row[0] for number, it in search.trials.items() if number > 40 and search.parent(number) is None]
    return sorted(new)[len(new) // 2]


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("asha", {"r_l": ""}, "r_l and resource_name must be set."),
        ("bohb", {"resource_name": ""}, "r_l and resource_name must be set."),
        ("asha", {"eta": "1"}, "eta must be greater than 1."),
        ("asha", {"resource_name": "o"}, "value of resource_name setting must be a parameter of type int or double."),
        ("asha", {"min_early_stopping_rate": "-1"}, "min_early_stopping_rate should be great or equal than zero"),
        (
            "asha",
            {"min_early_stopping_rate": "3"},
            "min_early_stopping_rate must not be greater than 2: r_l and eta make no more rungs.",
        ),
        ("bohb", {"random_fraction": "2"}, "random_fraction should be in the range of [0, 1]"),
        ("bohb", {"min_points_in_model": "0"}, "min_points_in_model should be great than zero"),
        ("bohb", {"num_samples": "1001"}, "num_samples should be in the range of [1, 1000]"),
        ("bohb", {"min_early_stopping_rate": "1"}, "unknown setting min_early_stopping_rate for algorithm bohb"),
        ("bohb", {"suggestion_trial_dir": "/checkpoints", "checkpoint": "s3://bucket/prefix"}, None),
    ],
)
def test_bad_settings_are_refused(name: str, changes: dict[str, str], message: str | None) -> None:
    given = {key: text for key, text in {**NINE, **changes}.items() if text}

    problems = [text for _, text in get_algorithm(name).validate(a_spec(name, *SPACE, **given), given)]

    assert [it for it in problems if "failed to validate" not in it] == ([message] if message else [])
