"""What every algorithm promises: the same answer to the same request, no point twice, and an end."""

import subprocess
import sys
from collections.abc import Sequence
from random import Random

import pytest

from events.experiment import ExperimentSpec
from events.search_space import ParameterSpec
from functions.suggestion.algorithms import UnknownAlgorithmError, get_algorithm
from functions.suggestion.algorithms.drawing import draw_row
from functions.suggestion.algorithms.interface import Answer, Suggested
from functions.suggestion.search_space import Row, SearchSpace
from tests.unit.algorithm_requests import FINITE, MIXED, a_parameter, a_request, a_space, a_spec

TPES = ["tpe", "multivariate-tpe"]
DRAWING = ["random", "sobol", *TPES]
GENERAL = ["grid", *DRAWING]


def finished(parameters: Sequence[ParameterSpec], count: int) -> list[tuple[Row, float]]:
    rng, space = Random(3), a_space(*parameters)
    return [(row, sum(row)) for row in (draw_row(space, rng) for _ in range(count))]


def problems(spec: ExperimentSpec) -> list[tuple[str, str]]:
    assert spec.algorithm
    settings = {setting.name: setting.value for setting in spec.algorithm.algorithm_settings}
    return list(get_algorithm(spec.algorithm.algorithm_name).validate(spec, settings))


@pytest.mark.parametrize("name", GENERAL)
@pytest.mark.parametrize("trial_count", [0, 20])
def test_the_same_request_has_the_same_answer(name: str, trial_count: int) -> None:
    request = a_request(a_space(*FINITE), finished=finished(FINITE, trial_count), count=5)

    assert get_algorithm(name).suggest(request) == get_algorithm(name).suggest(request)


@pytest.mark.parametrize("name", DRAWING)
def test_another_seed_has_another_answer(name: str) -> None:
    past = finished(MIXED, 20)

    answers = [get_algorithm(name).suggest(a_request(a_space(), finished=past, seed=seed)) for seed in (1, 2)]

    assert answers[0] != answers[1]


@pytest.mark.parametrize("name", DRAWING)
def test_a_batch_has_no_point_twice(name: str) -> None:
    request = a_request(a_space(), finished=finished(MIXED, 30), count=20)

    answer = get_algorithm(name).suggest(request)

    assert len({suggested.row for suggested in answer.suggestions}) == 20
    assert not answer.is_end


@pytest.mark.parametrize("name", DRAWING)
def test_a_finite_space_is_used_up_and_then_ends(name: str) -> None:
    space = a_space(*FINITE)
    past = [(space.row_at(index), float("nan") if index % 3 else 1.0) for index in range(20)]
    pending = [space.row_at(index) for index in range(20, 25)]

    answer = get_algorithm(name).suggest(a_request(space, finished=past, pending=pending, count=10))

    assert {suggested.row for suggested in answer.suggestions} == {space.row_at(index) for index in range(25, 32)}
    assert answer.is_end_after(7)
    assert not answer.is_end_after(6)


@pytest.mark.parametrize("name", DRAWING)
def test_the_last_free_points_of_a_large_space_are_found(name: str) -> None:
    space = a_space(a_parameter("i", "int", min=1, max=5_000))
    past = [((float(value),), 1.0) for value in range(1, 5_001) if value not in {77, 4_000}]

    answer = get_algorithm(name).suggest(a_request(space, finished=past, count=3))

    assert {suggested.row for suggested in answer.suggestions} == {(77.0,), (4_000.0,)}
    assert answer.is_end


@pytest.mark.parametrize("name", DRAWING)
def test_every_suggestion_is_a_value_of_its_axis(name: str) -> None:
    space = a_space()

    answer = get_algorithm(name).suggest(a_request(space, finished=finished(MIXED, 40), count=40))

    for suggested in answer.suggestions:
        assert suggested.row == space.to_row(space.to_assignments(suggested.row))
        assert [axis.snap(value) for axis, value in zip(space.axes, suggested.row, strict=True)] == list(suggested.row)


def test_what_is_remembered_goes_with_what_was_accepted() -> None:
    counted = Answer((Suggested((1.0,)), Suggested((2.0,))), states=({"n": 0}, {"n": 1}, {"n": 2}), is_end=True)
    plain = Answer((Suggested((1.0,)),), state={"kept": True})

    assert [counted.state_after(accepted) for accepted in range(3)] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert [counted.is_end_after(accepted) for accepted in range(3)] == [False, False, True]
    assert plain.state_after(0) == plain.state_after(1) == {"kept": True}


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownAlgorithmError, match="hyperopt"):
        get_algorithm("hyperopt")


@pytest.mark.parametrize("name", GENERAL)
def test_validation_loads_neither_numpy_nor_optuna(name: str) -> None:
    code = (
        "import sys; from functions.suggestion.algorithms import get_algorithm;"
        f"get_algorithm({name!r}); print([m for m in ('numpy', 'optuna', 'scipy') if m in sys.modules])"
    )

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "[]"


@pytest.mark.parametrize("name", ["random", "grid"])
def test_a_suggestion_without_an_estimator_does_not_load_optuna(name: str) -> None:
    code = (
        "import sys; from functions.suggestion.algorithms import get_algorithm;"
        "from tests.unit.algorithm_requests import FINITE, a_request, a_space;"
        f"get_algorithm({name!r}).suggest(a_request(a_space(*FINITE))); print('optuna' in sys.modules)"
    )

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "False"


@pytest.mark.parametrize("name", DRAWING)
def test_a_range_without_a_step_that_holds_two_doubles_is_used_up_as_well(name: str) -> None:
    space = a_space(a_parameter("x", "double", min=1, max="1.0000000000000002"))
    last = 1.0000000000000002

    first = get_algorithm(name).suggest(a_request(space, finished=[((1.0,), 1.0)] * 12, count=3))
    then = get_algorithm(name).suggest(a_request(space, finished=[((1.0,), 1.0), ((last,), 1.0)] * 6, count=3))

    assert [suggested.row for suggested in first.suggestions] == [(last,)]
    assert not first.is_end
    assert (then.suggestions, then.is_end) == ((), True)


@pytest.mark.parametrize("name", [*DRAWING, "cmaes", "nsgaii"])
def test_a_batch_looks_only_once_for_points_that_a_constraint_hides(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = [a_parameter(axis, "double", min=0, max=1) for axis in "xy"]
    space = SearchSpace.from_spec(parameters, ["x + y > 1.96"])
    looked: list[Row] = []
    allows = SearchSpace.allows
    monkeypatch.setattr(SearchSpace, "allows", lambda self, row: looked.append(row) or allows(self, row))
    past = [((0.5 + index / 100, 0.5), float(index)) for index in range(60)]

    get_algorithm(name).suggest(a_request(space, finished=past, count=30))

    assert len(looked) < 15_000


STATE = "random_state should be great or equal than zero"
SETTINGS = [
    ("random", "random_state", "-1", STATE),
    ("grid", "random_state", "-1", STATE),
    ("tpe", "random_state", "-1", STATE),
    ("multivariate-tpe", "random_state", "-1", "random_state should be greate or equal than zero"),
    (
        "random",
        "random_state",
        "x",
        "failed to validate random_state(x): invalid literal for int() with base 10: 'x'",
    ),
    ("tpe", "n_startup_trials", "-1", "n_startup_trials should be greate or equal than zero"),
    ("multivariate-tpe", "n_ei_candidates", "-1", "n_ei_candidates should be greate or equal than zero"),
    ("multivariate-tpe", "n_ei_candidates", "0", "n_ei_candidates should be great than zero"),
    ("tpe", "n_EI_candidates", "0", "n_EI_candidates should be great than zero"),
    ("tpe", "n_EI_candidates", "1001", "n_EI_candidates should not be greater than 1000"),
    ("tpe", "gamma", "1.0", "gamma should be in the range of (0, 1)"),
    ("tpe", "gamma", "nan", "gamma should be in the range of (0, 1)"),
    ("tpe", "prior_weight", "0", "prior_weight should be great than zero"),
    ("tpe", "prior_weight", "inf", "prior_weight should be great than zero"),
]


@pytest.mark.parametrize(("name", "setting", "value", "message"), SETTINGS)
def test_a_setting_out_of_range_is_refused_in_katibs_words(name: str, setting: str, value: str, message: str) -> None:
    spec = a_spec(name, **{setting: value})

    assert problems(spec) == [("spec.algorithm.algorithmSettings[0].value", message)]


@pytest.mark.parametrize("name", GENERAL)
def test_an_unknown_setting_is_refused_and_all_are_reported(name: str) -> None:
    found = problems(a_spec(name, random_state="7", sigma="0.5", random_sate="1"))

    assert found == [
        ("spec.algorithm.algorithmSettings[1].name", f"unknown setting sigma for algorithm {name}"),
        ("spec.algorithm.algorithmSettings[2].name", f"unknown setting random_sate for algorithm {name}"),
    ]


@pytest.mark.parametrize("name", DRAWING)
@pytest.mark.parametrize("distribution", ["normal", "logNormal", "logUniform"])
def test_every_distribution_is_kept_within_the_bounds_and_on_the_step(name: str, distribution: str) -> None:
    space = a_space(
        a_parameter("a", "double", min=1, max=9, step=2, distribution=distribution),
        a_parameter("b", "int", min=1, max=90, step=4, distribution=distribution),
        a_parameter("c", "double", min=1, max=2, distribution=distribution),
    )
    past = [((3.0, 5.0, 1 + index / 40), float(index)) for index in range(30)]

    answer = get_algorithm(name).suggest(a_request(space, finished=past, count=30))

    for suggested in answer.suggestions:
        first, second, third = suggested.row
        assert first in {1.0, 3.0, 5.0, 7.0, 9.0}
        assert second in set(range(1, 90, 4))
        assert 1 <= third <= 2


@pytest.mark.parametrize("name", DRAWING)
def test_duplicates_are_suggested_only_where_they_are_allowed(name: str) -> None:
    space = a_space(a_parameter("i", "int", min=1, max=3))
    past = [((1.0,), 1.0), ((2.0,), 2.0), ((3.0,), 3.0)] * 4

    refused = get_algorithm(name).suggest(a_request(space, finished=past, count=4))
    allowed = get_algorithm(name).suggest(a_request(space, finished=past, count=4, allowDuplicates=True))

    assert refused == Answer((), refused.state, refused.states, is_end=True)
    assert len(allowed.suggestions) == 4
    assert not allowed.is_end


@pytest.mark.parametrize("name", GENERAL)
def test_validation_survives_parameters_that_are_wrong_in_themselves(name: str) -> None:
    wrong = [a_parameter("a", "int", min="x"), a_parameter("b", "double", min=2, max=1, step=0)]

    assert problems(a_spec(name, *wrong, max_trial_count=10)) == []
