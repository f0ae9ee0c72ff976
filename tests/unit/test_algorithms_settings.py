"""Settings of algorithms as users may write them: whatever stands there, it is read or refused at once."""

from time import process_time

import pytest

from events.search_space import When
from functions.suggestion.algorithms import get_algorithm
from tests.unit.algorithm_requests import a_parameter, a_request, a_space, a_spec

SPACE = (a_parameter("x", "double", min=0, max=1), a_parameter("epochs", "int", min=1, max=300))
NINE = {"r_l": "9", "eta": "3", "resource_name": "epochs"}
AT = "spec.algorithm.algorithmSettings"

DIGITS = "1" * 100_000
ABSURD = [
    "1e-1000000",
    "-1e-1000000",
    "1e1000000",
    "-1e1000000",
    "1e-99999999999999999999",
    "0e999999999",
    "-0e999999999",
    "1." + "0" * 90 + "1",
    "1" * 90 + "e-80",
    DIGITS,
    f"-{DIGITS}",
    f"0.{DIGITS}",
    f"1e{DIGITS}",
    f"{DIGITS}x",
]


@pytest.mark.parametrize("text", ABSURD, ids=lambda text: text[:30])
@pytest.mark.parametrize("setting", ["r_l", "eta", "random_fraction", "min_points_in_model"])
def test_no_number_takes_long_to_be_refused_or_read(setting: str, text: str) -> None:
    given = {**NINE, setting: text}
    began = process_time()

    problems = [text for _, text in get_algorithm("bohb").validate(a_spec("bohb", *SPACE, **given), given)]
    if not problems:
        assert get_algorithm("bohb").suggest(a_request(a_space(*SPACE), settings=given)).suggestions

    assert process_time() - began < 0.3
    assert all(len(problem) < 300 for problem in problems)


def test_an_eta_that_is_too_small_for_a_double_is_too_small() -> None:
    given = {**NINE, "eta": "1e-1000000"}

    problems = list(get_algorithm("asha").validate(a_spec("asha", *SPACE, **given), given))

    assert problems == [(f"{AT}[1].value", "eta must be greater than 1.")]


@pytest.mark.parametrize("name", ["asha", "bohb", "hyperband"])
def test_nothing_may_depend_on_the_resource(name: str) -> None:
    other = a_parameter("decay", "double", min=0, max=1)
    depends_on_it = other.replace(when=When.model_validate({"parameter": "epochs", "in": ["3", "9"]}))
    not_on_it = other.replace(name="d", when=When.model_validate({"parameter": "o", "in": ["a"]}))
    space = (*SPACE, a_parameter("o", "categorical", list=["a", "b"]), depends_on_it, not_on_it)

    problems = list(get_algorithm(name).validate(a_spec(name, *space, **NINE), NINE))

    reason = "which changes from rung to rung while the point must stay the same"
    assert problems == [("spec.parameters[3].when.parameter", f"must not be epochs, {reason}")]


@pytest.mark.parametrize("name", ["tpe", "multivariate-tpe"])
def test_two_names_of_one_setting_are_not_given_together(name: str) -> None:
    both = {"n_ei_candidates": "5", "n_EI_candidates": "7"}

    problems = list(get_algorithm(name).validate(a_spec(name, *SPACE, **both), both))

    message = "n_EI_candidates is another name of n_ei_candidates: only one of them can be given"
    assert problems == [(f"{AT}[1].name", message)]
