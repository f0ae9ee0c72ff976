"""Parameters that depend on others: what is active, how many points there are, and that every sampler copes."""

import math
from random import Random
from typing import Any

import pytest

from events.search_space import ParameterSpec
from functions.experiment.admission import read_experiment
from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.algorithms.drawing import draw_row
from functions.suggestion.history import fill_rows, pack_row, unpack_row, unpack_rows
from functions.suggestion.search_space import SearchSpace
from tests.builders import an_experiment, an_experiment_manifest
from tests.unit.algorithm_requests import a_request


def a_tree(*, is_finite: bool = False) -> SearchSpace:
    rate = {"min": 0, "max": 1, "step": 0.5} if is_finite else {"min": 0, "max": 1}
    manifest = [
        {"name": "depth", "parameterType": "int", "feasibleSpace": {"min": 1, "max": 4}},
        {"name": "kind", "parameterType": "categorical", "feasibleSpace": {"list": ["net", "tree", "line"]}},
        {
            "name": "rate",
            "parameterType": "double",
            "feasibleSpace": rate,
            "when": {"parameter": "kind", "in": ["net"]},
        },
        {
            "name": "drop",
            "parameterType": "discrete",
            "feasibleSpace": {"list": ["0", "1"]},
            "when": {"parameter": "rate" if is_finite else "depth", "in": ["1"]},
        },
    ]
    return SearchSpace.from_spec([ParameterSpec.model_validate(it) for it in manifest])


def test_inactive_values_make_no_difference() -> None:
    space = a_tree(is_finite=True)

    assert space.activity((2.0, 1.0, 1.0, 1.0)) == (True, True, False, False)
    assert space.fill((2.0, 1.0, 1.0, 1.0)) == space.fill((2.0, 1.0, 0.5, 0.0)) == (2.0, 1.0, 0.0, 0.0)
    assert space.fill((2.0, 0.0, 1.0, 1.0)) == (2.0, 0.0, 1.0, 1.0)


def test_points_are_counted_and_numbered_without_those_that_are_alike() -> None:
    space = a_tree(is_finite=True)

    points = [space.row_at(index) for index in range(24)]

    assert space.cardinality == 24  # 4 depths x (2 plain kinds + 2 rates + 1 rate with 2 drops)
    assert len(set(points)) == 24
    assert all(point == space.fill(point) for point in points)
    assert a_tree().cardinality is None


def test_a_row_is_stored_with_nan_and_comes_back() -> None:
    space, row = a_tree(is_finite=True), (2.0, 1.0, 0.0, 0.0)

    packed = pack_row(space.to_sparse(row))

    assert [math.isnan(value) for value in unpack_row(packed)] == [False, False, True, True]
    assert space.from_sparse(unpack_row(packed)) == row
    assert fill_rows(unpack_rows([packed]), [axis.low for axis in space.axes]).tolist() == [list(row)]


def test_assignments_are_those_that_are_active_and_come_back() -> None:
    space = a_tree(is_finite=True)
    for index in range(24):
        assignments = space.to_assignments(space.row_at(index))
        assert space.to_row(assignments) == space.row_at(index)
    assert [it.name for it in space.to_assignments((2.0, 1.0, 0.0, 0.0))] == ["depth", "kind"]
    with pytest.raises(KeyError, match="kind"):
        space.to_row(space.to_assignments((2.0, 1.0, 0.0, 0.0))[:1])


SAMPLERS = ["random", "sobol", "tpe", "multivariate-tpe", "bayesianoptimization", "cmaes", "auto"]


@pytest.mark.parametrize("name", ["grid", *SAMPLERS])
def test_every_sampler_uses_up_what_there_is_and_ends(name: str) -> None:
    space = a_tree(is_finite=True)
    past = [] if name == "grid" else [(space.row_at(index), float(index)) for index in range(20)]

    answer = get_algorithm(name).suggest(a_request(space, finished=past, count=30))

    rows = {space.fill(suggested.row) for suggested in answer.suggestions}
    assert rows == {space.row_at(index) for index in range(len(past), 24)}
    assert len(rows) == len(answer.suggestions)
    assert answer.is_end


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_searches_a_tree_without_end(name: str) -> None:
    space, rng = a_tree(), Random(1)
    past = [(draw_row(space, rng), rng.random()) for _ in range(40)]

    answer = get_algorithm(name).suggest(a_request(space, finished=past, count=10))

    assert len({space.fill(it.row) for it in answer.suggestions}) == 10
    assert all(space.to_row(space.to_assignments(it.row)) == space.fill(it.row) for it in answer.suggestions)


@pytest.mark.parametrize("name", ["tpe", "multivariate-tpe"])
def test_parzen_estimators_learn_a_parameter_from_the_trials_that_have_it(name: str) -> None:
    space, rng = a_tree(), Random(2)
    rows = [draw_row(space, rng) for _ in range(300)]
    past = [(row, abs(row[2] - 0.8) if row[1] == 0.0 else 2.0) for row in rows]

    rows = [it.row for it in get_algorithm(name).suggest(a_request(space, finished=past, count=20)).suggestions]

    assert sum(row[1] == 0.0 for row in rows) > 12
    assert sum(abs(row[2] - 0.8) < 0.25 for row in rows if row[1] == 0.0) > 9


def read(*parameters: dict[str, Any]) -> list[str]:
    complete = [{"parameterType": "int", "feasibleSpace": {"min": 1, "max": 3}, **it} for it in parameters]
    template = {"trialParameters": [], "trialSpec": {"apiVersion": "kuttab.dev/v1", "kind": "External"}}
    manifest = an_experiment_manifest(parameters=complete, trialTemplate=template)
    return [str(error) for error in read_experiment(manifest).errors]


def test_everything_that_is_wrong_with_conditions_is_said() -> None:
    at = "spec.parameters"

    errors = read(
        {"name": "a", "when": {"parameter": "b", "in": ["1"]}},
        {"name": "b", "when": {"parameter": "a", "in": ["1"]}},
        {"name": "c", "when": {"parameter": "nobody", "in": []}},
        {"name": "d", "whenInactive": "0"},
        {"name": "e", "parameterType": "double"},
        {"name": "f", "when": {"parameter": "e", "in": ["1"]}},
        {"name": "g", "when": {"parameter": "d", "in": ["7", "1", "1", "x"]}},
    )

    assert errors == [
        f"{at}[0].when.parameter: parameter a depends on itself: a → b → a",
        f"{at}[1].when.parameter: parameter b depends on itself: b → a → b",
        f"{at}[2].when.parameter: unknown parameter nobody",
        f"{at}[2].when.in: must not be empty",
        f"{at}[3].whenInactive: means nothing without when",
        f"{at}[5].when.parameter: parameter e is continuous: give it a step, or depend on another one",
        f"{at}[6].when.in[0]: parameter d has no value '7'",
        f"{at}[6].when.in[2]: holds '1' twice",
        f"{at}[6].when.in[3]: parameter d has no value 'x'",
    ]


def test_numbers_need_no_quotes() -> None:
    assert read({"name": "a"}, {"name": "b", "when": {"parameter": "a", "in": [1, 2]}}) == []


def test_a_condition_is_printed_as_it_was_written() -> None:
    parameters = [
        {"name": "x", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "2"}},
        {
            "name": "y",
            "parameterType": "int",
            "feasibleSpace": {"min": "1", "max": "2"},
            "when": {"parameter": "x", "in": ["1"]},
            "whenInactive": "none",
        },
    ]
    template = {"trialParameters": [], "trialSpec": {"apiVersion": "kuttab.dev/v1", "kind": "External"}}

    printed = an_experiment(parameters=parameters, trialTemplate=template).spec.to_manifest()["parameters"]

    assert printed[1]["when"] == {"parameter": "x", "in": ["1"]}  # type: ignore[index, call-overload]
    assert printed[1]["whenInactive"] == "none"  # type: ignore[index, call-overload]
