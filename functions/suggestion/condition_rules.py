"""What `when` and `whenInactive` of a parameter must be."""

from collections.abc import Iterator, Mapping, Sequence

from events.search_space import ParameterSpec
from functions.suggestion.axis import Axis

Problem = tuple[str, str]
"""The path of a field and what is wrong with it."""


def validate_conditions(parameters: Sequence[ParameterSpec], sound: Mapping[str, Axis], path: str) -> Iterator[Problem]:
    """Yield everything that is wrong with the conditions; values are held only against axes that are sound."""
    named = {parameter.name: parameter for parameter in parameters}
    for index, parameter in enumerate(parameters):
        at = f"{path}[{index}]"
        if parameter.when is None and parameter.when_inactive is not None:
            yield f"{at}.whenInactive", "means nothing without when"
        if parameter.when is None:
            continue
        parent = parameter.when.parameter
        if parent not in named:
            yield f"{at}.when.parameter", f"unknown parameter {parent}" if parent else "must be specified"
        elif cycle := _find_cycle(parameter, named):
            yield f"{at}.when.parameter", f"parameter {parameter.name} depends on itself: {cycle}"
        yield from _validate_values(parameter.when.values, sound.get(parent), f"{at}.when")


def _find_cycle(parameter: ParameterSpec, named: Mapping[str, ParameterSpec]) -> str:
    """Return the way from a parameter back to itself, if there is one."""
    way = [parameter.name]
    while (when := named[way[-1]].when) is not None and when.parameter in named:
        if when.parameter in way:
            return " → ".join([*way, when.parameter]) if when.parameter == parameter.name else ""
        way.append(when.parameter)
    return ""


def _validate_values(values: Sequence[str], parent: Axis | None, at: str) -> Iterator[Problem]:
    if not values:
        yield f"{at}.in", "must not be empty"
    if parent is None:
        return
    if parent.size is None:
        yield f"{at}.parameter", f"parameter {parent.name} is continuous: give it a step, or depend on another one"
        return
    for index, text in enumerate(values):
        if not parent.has(text):
            yield f"{at}.in[{index}]", f"parameter {parent.name} has no value {text!r}"
        elif text in values[:index]:
            yield f"{at}.in[{index}]", f"holds {text!r} twice"
