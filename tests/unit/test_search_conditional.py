"""What benchmarks.search asks of peers on conditional spaces: they see the conditions where they know such a thing."""

import sys
from argparse import Namespace
from random import Random
from types import SimpleNamespace

import pytest

from benchmarks.search import plan
from benchmarks.search_conditional import under
from benchmarks.search_contenders import can_search, get_maker
from benchmarks.search_peers import hyperopt_space
from benchmarks.search_peers_fitted import smac_conditions
from benchmarks.search_suite import TASKS
from benchmarks.search_tasks import choices, double
from events.experiment import ExperimentSpec
from functions.suggestion.algorithms.drawing import draw_row
from functions.suggestion.search_space import SearchSpace, validate_parameters

PARAMETERS = (
    choices("kind", "a", "b", "c"),
    *under("kind", "a", double("alone", 0, 1)),
    *under("kind", "b c", choices("inner", "p", "q")),
    *under("inner", "q", double("deep", 2, 3)),
)
SPACE = SearchSpace.from_spec(PARAMETERS)

CONDITIONAL = [name for name, task in TASKS.items() if task.space.is_conditional]


def test_each_half_has_conditional_tasks() -> None:
    assert sorted(TASKS[name].half for name in CONDITIONAL) == ["held-out", "held-out", "tuned", "tuned"]


@pytest.mark.parametrize("name", CONDITIONAL)
def test_a_conditional_task_is_sound(name: str) -> None:
    assert list(validate_parameters(TASKS[name].parameters)) == []


@pytest.mark.parametrize("name", ["branching", "branching_deep"])
def test_no_point_is_better_than_the_least_loss_and_what_is_inactive_counts_nothing(name: str) -> None:
    task, rng = TASKS[name], Random(0)
    evaluate, least = task.prepare(3)

    for _ in range(200):
        row = tuple(rng.uniform(axis.low, axis.high) if not axis.step else axis.high for axis in task.space.axes)
        assert evaluate(row) == evaluate(task.space.fill(row))
        assert least == 0.0 <= evaluate(draw_row(task.space, rng))


@pytest.mark.parametrize("name", ["optuna-tpe", "optuna-tpe-group", "multivariate-tpe"])
@pytest.mark.parametrize("count", [1, 4])
def test_a_contender_fills_what_is_inactive(name: str, count: int) -> None:
    contender = get_maker(name)(SPACE, 1, ExperimentSpec(parameters=PARAMETERS, max_trial_count=16))

    rows = []
    for first in range(1, 16, count):
        rows += contender.ask(count)
        for number in range(first, first + count):
            contender.tell(number, sum(rows[number - 1]))

    assert [SPACE.fill(row) for row in rows] == rows
    assert {row[0] for row in rows} == {0.0, 1.0, 2.0}


def test_optuna_is_told_of_active_parameters_alone() -> None:
    contender = get_maker("optuna-tpe")(SPACE, 1, ExperimentSpec(parameters=PARAMETERS))

    rows = contender.ask(20)

    for trial, row in zip(contender._study.trials, rows, strict=True):  # type: ignore[attr-defined] # Optuna's
        names = {axis.name for axis, active in zip(SPACE.axes, SPACE.activity(row), strict=True) if active}
        assert set(trial.params) == names


def test_hyperopt_has_branches_inside_their_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    hp = SimpleNamespace(choice=lambda name, options: options, uniform=lambda name, low, high: (low, high))
    monkeypatch.setitem(sys.modules, "hyperopt", SimpleNamespace(hp=hp))

    nested = hyperopt_space(SPACE)

    inner = [{}, {"deep": (2.0, 3.0)}]
    assert nested == {"kind": [{"alone": (0.0, 1.0)}, {"inner": inner}, {"inner": inner}]}
    assert nested["kind"][1]["inner"] is nested["kind"][2]["inner"]


def test_hyperopt_has_a_flat_space_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    hp = SimpleNamespace(choice=lambda name, options: options, uniform=lambda name, low, high: (low, high))
    monkeypatch.setitem(sys.modules, "hyperopt", SimpleNamespace(hp=hp))

    nested = hyperopt_space(SearchSpace.from_spec((choices("kind", "a", "b"), double("x", 0, 1))))

    assert nested == {"kind": [{}, {}], "x": (0.0, 1.0)}


def test_smac_has_a_condition_for_each_that_depends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ConfigSpace", SimpleNamespace(InCondition=lambda *parts: parts))

    conditions = list(smac_conditions(SPACE, {axis.name: axis.name for axis in SPACE.axes}))

    assert conditions == [("alone", "kind", [0]), ("inner", "kind", [1, 2]), ("deep", "inner", [1])]


def test_what_cannot_be_searched_is_not_run() -> None:
    arguments = Namespace(seeds=1, budgets=[30], parallel=[1])
    names = ["auto", "optuna-tpe-group", "katib-bayesianoptimization"]

    runs = list(plan(["table5x5", "branching"], names, arguments))

    assert {(run.task, run.algorithm) for run in runs if run.algorithm != "random"} == {
        ("table5x5", "auto"),
        ("table5x5", "katib-bayesianoptimization"),
        ("branching", "auto"),
        ("branching", "optuna-tpe-group"),
    }
    assert can_search("katib-bayesianoptimization", TASKS["tree_breast_cancer"].space)
    assert not can_search("katib-bayesianoptimization", TASKS["rastrigin5"].space)
