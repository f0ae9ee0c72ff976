"""What algorithms that are not ours suggest is a point of the space, or one message that names it; never a Trial."""

import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.search_space import ParameterAssignment
from functions.suggestion.algorithms.interface import Answer, Request, Suggested
from functions.suggestion.foreign import SuggestionError, read_answer, read_texts
from functions.suggestion.search_space import SearchSpace
from functions.suggestion.searching import Claim, SearchError, search
from tests.unit.algorithm_requests import MIXED, a_parameter, a_request, a_space

SPACE = (
    a_parameter("rate", "double", min="0.1", max="0.5", step="0.1"),
    a_parameter("layers", "int", min=1, max=4),
    a_parameter("batch", "discrete", list=["32", "64"]),
    a_parameter("optimizer", "categorical", list=["sgd", "adam"]),
)
GOOD = (0.3, 2.0, 1.0, 0.0)


@dataclass
class Installed:
    """An algorithm of a package, which answers what a test wants."""

    answer: object = None

    def suggest(self, request: Request) -> object:
        return self.answer


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    about = tmp_path / "gut-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: gut\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[kuttab.algorithms]\ngut = gut_search:IT\n")
    module, it = ModuleType("gut_search"), Installed()
    module.IT = it  # type: ignore[attr-defined]
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "gut_search", module)
    return it


def ask(plugin: Installed, answer: object, **spec: object) -> Answer:
    plugin.answer = answer
    request = a_request(a_space(*SPACE), count=3, **spec)  # type: ignore[arg-type]
    return search(Claim(uid="", token="", seq=0, algorithm="gut", request=request))


def test_rounding_errors_are_mended_and_numbers_of_numpy_are_numbers(plugin: Installed) -> None:
    row = (0.1 + 0.2, np.int64(2), np.float32(1), 0)
    answer = ask(plugin, Answer((Suggested(row),), state={"n": 1}, note="hm"))  # type: ignore[arg-type]

    assert [it.row for it in answer.suggestions] == [GOOD]
    assert all(type(value) is float for value in answer.suggestions[0].row)
    assert (answer.state_after(1), answer.note) == ({"n": 1}, "hm")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ((0.7, 2, 1, 0), "parameter rate: 0.7 is more than the largest that it has, 0.5"),
        ((0.0, 2, 1, 0), "parameter rate: 0 is less than its min, 0.1"),
        ((0.15, 2, 1, 0), "parameter rate: 0.15 is not in steps of 0.1 from 0.1"),
        ((0.3, 2.5, 1, 0), "parameter layers: 2.5 is not in steps of 1 from 1"),
        ((0.3, math.nan, 1, 0), "parameter layers: nan is no finite number"),
        ((0.3, 2, 2, 0), "parameter batch: 2 is none of the places 0 to 1 in its list"),
        ((0.3, 2, 1, "adam"), "parameter optimizer: 'adam' is no number"),
        ((0.3, 2, 1, None), "parameter optimizer: None is no number"),
    ],
)
def test_a_value_that_its_parameter_has_not_is_named(plugin: Installed, row: Sequence[object], problem: str) -> None:
    good, bad = Suggested(GOOD), Suggested(row)  # type: ignore[arg-type]

    with pytest.raises(SearchError) as caught:
        ask(plugin, Answer((good, bad)))

    assert str(caught.value) == f"algorithm gut: SuggestionError: suggestions[1]: {problem}"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"suggestions": []}, "it answered with a dict, not with an Answer"),
        (Answer((GOOD,)), "suggestions[0] is a tuple, not a Suggested"),  # type: ignore[arg-type]
        (Answer((Suggested(GOOD[:3]),)), "suggestions[0].row has 3 values, and there are 4 parameters"),
        (Answer((Suggested(GOOD, {"a": 1}),)), "suggestions[0].labels must be texts by name"),  # type: ignore[dict-item]
        (
            Answer((Suggested(GOOD, {"a b": "c"}),)),
            'suggestions[0].labels: Invalid value: "a b": name part must consist of',
        ),
        (Answer((Suggested(GOOD, {"a": "b c"}),)), 'suggestions[0].labels: Invalid value: "b c": a valid label must'),
        (Answer((Suggested(GOOD),), state={"a": {1}}), "state cannot be written as JSON: "),  # type: ignore[dict-item]
        (Answer((Suggested(GOOD),), state={"a": math.nan}), "state cannot be written as JSON: "),
        (Answer((Suggested(GOOD),), states=({},)), "states has 1 entries for 1 suggestions, not one more"),
        (
            Answer((Suggested(GOOD, assignments=(ParameterAssignment(name="decay", value="1"),)),)),
            "suggestions[0]: parameter decay: there is none of this name, only rate, layers, batch, optimizer",
        ),
    ],
)
def test_what_is_no_answer_says_what_it_is(plugin: Installed, answer: object, problem: str) -> None:
    with pytest.raises(SearchError, match="algorithm gut: SuggestionError") as caught:
        ask(plugin, answer)

    assert problem in str(caught.value)


def test_an_answer_that_nothing_would_follow_is_refused(plugin: Installed) -> None:
    plugin.answer = Answer(())
    active = a_request(a_space(*SPACE), pending=[GOOD])

    assert search(Claim(uid="", token="", seq=0, algorithm="gut", request=active)) == Answer(())
    with pytest.raises(SearchError, match="it suggested nothing, has not ended the search, and no Trial is active"):
        ask(plugin, Answer(()))


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_not_even_ours_creates_a_trial_outside_the_space(value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Installed(Answer((Suggested(GOOD), Suggested((0.3, value, 0.0, 0.0)))))
    monkeypatch.setattr("functions.suggestion.searching.get_algorithm", lambda _: broken)

    with pytest.raises(SearchError, match=r"algorithm tpe: SuggestionError: suggestions\[1\]: parameter layers: "):
        search(Claim(uid="", token="", seq=0, algorithm="tpe", request=a_request(a_space(*SPACE), count=2)))


def test_a_point_that_breaks_a_constraint_is_refused_with_it(plugin: Installed) -> None:
    plugin.answer = Answer((Suggested(GOOD),))
    space = SearchSpace.from_spec(SPACE, ["rate < 1", "layers * rate > 2"])
    claim = Claim(uid="", token="", seq=0, algorithm="gut", request=a_request(space))

    with pytest.raises(SearchError, match=r"parameters layers, rate: layers \* rate > 2 does not hold"):
        search(claim)


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ({"rate": "0.30000000000000004"}, None),
        ({"layers": "2.0", "batch": "64.0"}, None),
        ({"rate": "1"}, "parameter rate: 1 is more than the largest that it has, 0.5"),
        ({"layers": "two"}, "parameter layers: 'two' is no number"),
        ({"batch": "48"}, "parameter batch: '48' is none of 32, 64"),
        ({"optimizer": "SGD"}, "parameter optimizer: 'SGD' is none of sgd, adam"),
        ({"depth": "2"}, "parameter depth: there is none of this name, only rate, layers, batch, optimizer"),
    ],
)
def test_texts_of_a_server_are_read_or_refused(texts: Mapping[str, str], problem: str | None) -> None:
    whole = {"rate": "0.3", "layers": "2", "batch": "64", "optimizer": "sgd", **texts}

    if problem is None:
        assert read_texts(a_space(*SPACE), whole, "suggestions[0]") == GOOD
        return
    with pytest.raises(SuggestionError) as caught:
        read_texts(a_space(*SPACE), whole, "suggestions[0]")
    assert str(caught.value) == f"suggestions[0]: {problem}"


def test_what_has_no_value_needs_none() -> None:
    depth = a_parameter("depth", "int", min=1, max=3).model_dump(by_alias=True)
    conditional = type(SPACE[0]).model_validate({**depth, "when": {"parameter": "optimizer", "in": ["adam"]}})
    space = a_space(*SPACE, conditional)
    texts = {"rate": "0.3", "layers": "2", "batch": "64", "optimizer": "sgd"}

    assert read_texts(space, texts, "it") == (*GOOD, 1.0)
    with pytest.raises(SuggestionError, match="it: parameter depth: has no value"):
        read_texts(space, {**texts, "optimizer": "adam"}, "it")


ANYTHING = st.one_of(
    st.none(), st.text(max_size=3), st.integers(), st.floats(), st.booleans(), st.sampled_from([0.1, 1.0, 32.0])
)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.lists(ANYTHING, max_size=10) | st.lists(st.sampled_from([0, 1.0, 3]), min_size=9, max_size=9)))
def test_whatever_a_plug_in_suggests_is_a_point_or_an_error(rows: list[list[object]]) -> None:
    space = a_space(*MIXED)
    suggested = tuple(Suggested(tuple(row)) for row in rows)  # type: ignore[arg-type]

    read: Sequence[Suggested] = ()
    with suppress(SuggestionError):
        read = read_answer(a_request(space), Answer(suggested)).suggestions
    for it in read:
        assert it.row == space.snap(it.row) == space.to_row(space.to_assignments(it.row))
