"""What algorithms that are not ours suggest: each point is held against the space before it becomes a Trial."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from numbers import Real

from events.search_space import ParameterType
from functions.errors import KuttabError
from functions.experiment.metadata_rules import validate_labels
from functions.suggestion.algorithms.interface import Answer, Request, Suggested
from functions.suggestion.axis import Axis, is_number, to_number
from functions.suggestion.search_space import Row, SearchSpace

TOLERANCE = 1e-9
"""What another's arithmetic may be off by, as a share of a step or of the range: it is mended."""


class SuggestionError(KuttabError):
    """An algorithm of the user's suggested what is no point of the space: its message names the parameter; mend it."""


def read_answer(request: Request, answer: Answer) -> Answer:
    """Return what an installed algorithm answered, with rounding errors mended. Raises SuggestionError."""
    if not isinstance(answer, Answer):
        raise SuggestionError(f"it answered with a {type(answer).__name__}, not with an Answer")
    suggestions = tuple(_read_suggested(request, it, f"suggestions[{i}]") for i, it in enumerate(answer.suggestions))
    if answer.states and len(answer.states) != len(suggestions) + 1:
        raise SuggestionError(
            f"states has {len(answer.states)} entries for {len(suggestions)} suggestions, not one more"
        )
    try:
        json.dumps([answer.state, answer.states, answer.note], allow_nan=False)
    except (TypeError, ValueError) as error:
        raise SuggestionError(f"state cannot be written as JSON: {error}") from error
    return replace(answer, suggestions=suggestions, note=str(answer.note))


def _read_suggested(request: Request, suggested: object, at: str) -> Suggested:
    if not isinstance(suggested, Suggested):
        raise SuggestionError(f"{at} is a {type(suggested).__name__}, not a Suggested")
    labels: object = suggested.labels
    if not isinstance(labels, Mapping) or not all(isinstance(it, str) for pair in labels.items() for it in pair):
        raise SuggestionError(f"{at}.labels must be texts by name")
    check_labels(labels, at)
    if suggested.assignments is not None and request.spec.nas_config is None:
        read_texts(request.space, {it.name: it.value for it in suggested.assignments}, at)
    return replace(suggested, row=_read_row(request.space, suggested.row, at), labels=dict(labels))


def check_labels(labels: Mapping[str, str], at: str) -> None:
    """Hold labels against Kubernetes' syntax: a Trial's Worker bears them. Raises SuggestionError."""
    for path, words in validate_labels(f"{at}.labels", labels):
        raise SuggestionError(f"{path}: {words}")


def _read_row(space: SearchSpace, row: Sequence[object], at: str) -> Row:
    values = list(row)
    if len(values) != len(space.axes):
        raise SuggestionError(f"{at}.row has {len(values)} values, and there are {len(space.axes)} parameters")
    found: list[float | str] = []
    for axis, value in zip(space.axes, values, strict=True):
        found.append(mend(axis, float(value)) if isinstance(value, Real) else f"{value!r} is no number")
    return _settle(space, found, at)


def read_texts(space: SearchSpace, texts: Mapping[str, str], at: str) -> Row:
    """Return the point whose parameters have these values. Raises SuggestionError."""
    names = [axis.name for axis in space.axes]
    unknown = next((name for name in texts if name not in names), None)
    if unknown is not None:
        raise SuggestionError(f"{at}: parameter {unknown}: there is none of this name, only {', '.join(names)}")
    found = [_read_text(axis, texts[axis.name]) if axis.name in texts else "has no value" for axis in space.axes]
    return _settle(space, found, at)


def _read_text(axis: Axis, text: str) -> float | str:
    """Return the value, or what is wrong with its text."""
    if not axis.choices:
        return mend(axis, to_number(text)) if is_number(text) else f"{text!r} is no number"
    same = (place for place, choice in enumerate(axis.choices) if _is_same(axis, choice, text))
    place = next(same, None)
    return f"{text!r} is none of {', '.join(axis.choices)}" if place is None else float(place)


def _is_same(axis: Axis, choice: str, text: str) -> bool:
    """Tell whether the text is this choice: 10.0 is 10 where the values are numbers."""
    if choice == text or axis.type != ParameterType.DISCRETE:
        return choice == text
    return is_number(choice) and is_number(text) and to_number(choice) == to_number(text)


def mend(axis: Axis, value: float) -> float | str:
    """Return the value that the axis has there, or what is wrong with it."""
    if not math.isfinite(value):
        return f"{value} is no finite number"
    nearest = axis.snap(value)
    if abs(nearest - value) <= TOLERANCE * (axis.step or axis.high - axis.low or abs(axis.low)):
        return nearest
    if axis.choices:
        return f"{value:.15g} is none of the places 0 to {axis.high:.15g} in its list"
    if value < axis.low:
        return f"{value:.15g} is less than its min, {axis.low:.15g}"
    if value > axis.high:
        return f"{value:.15g} is more than the largest that it has, {axis.high:.15g}"
    return f"{value:.15g} is not in steps of {axis.step:.15g} from {axis.low:.15g}"


def _settle(space: SearchSpace, found: Sequence[float | str], at: str) -> Row:
    """Return the point. Raises SuggestionError with the first problem of a parameter that is active there."""
    nearest = tuple(axis.low if isinstance(it, str) else it for axis, it in zip(space.axes, found, strict=True))
    for problem in _problems(space, found, nearest):
        raise SuggestionError(f"{at}: {problem}")
    return space.fill(nearest)


def _problems(space: SearchSpace, found: Sequence[float | str], nearest: Row) -> Iterator[str]:
    for axis, it, is_active in zip(space.axes, found, space.activity(nearest), strict=True):
        if is_active and isinstance(it, str):
            yield f"parameter {axis.name}: {it}"
    for constraint in space.constraints if not space.allows(nearest) else ():
        if not replace(space, constraints=(constraint,)).allows(nearest):
            yield f"parameters {', '.join(sorted(constraint.names))}: {constraint.text} does not hold"
