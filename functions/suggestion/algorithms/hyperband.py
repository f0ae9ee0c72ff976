"""Hyperband: many points at a small budget, the better ones again at a larger, in brackets that differ in how many."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import inf
from typing import Final

from events.experiment import ExperimentSpec
from functions.suggestion.algorithms.brackets import MAX_BRACKETS, Brackets, bracket_count
from functions.suggestion.algorithms.interface import Answer, Request
from functions.suggestion.algorithms.settings import RANDOM_STATE, Rule, validate_parameters_only, validate_settings
from functions.suggestion.axis import NUMERIC, to_number
from functions.suggestion.search_space import Problem

DEFAULT_ETA = "3"

_SETTINGS = "spec.algorithm.algorithmSettings"
_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "r_l": (Rule(to_number, lambda value: 0 < value < inf, "r_l must be a positive float number."),),
    "resource_name": (),
    "eta": (Rule(to_number, lambda value: value <= 0 or 1 < value < inf, "eta must be greater than 1."),),
    "random_state": (RANDOM_STATE,),
}


class Hyperband:
    """Katib's `hyperband`. It remembers its open brackets and the numbers of their Trials."""

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with the settings. How many Trials run at a time is not: rungs wait for free slots."""
        yield from validate_parameters_only(spec)
        problems = list(validate_settings(spec, settings, _RULES))
        yield from problems
        if not settings.get("r_l") or not settings.get("resource_name"):
            yield _SETTINGS, "r_l and resource_name must be set."
        elif not problems:
            yield from _validate_resource(spec, settings)

    def suggest(self, request: Request) -> Answer:
        """Give what the open rungs still lack, and open brackets for the slots that are left."""
        return Brackets(request, *read_settings(request.settings)).answer()


def _validate_resource(spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
    kinds = {parameter.name: parameter.parameter_type for parameter in spec.parameters}
    if settings["resource_name"] not in kinds:
        yield _SETTINGS, "value of resource_name setting must be in parameters."
    elif kinds[settings["resource_name"]] not in NUMERIC:
        yield _SETTINGS, "value of resource_name setting must be a parameter of type int or double."
    elif any(it.when for it in spec.parameters if it.name == settings["resource_name"]):
        yield _SETTINGS, "value of resource_name setting must be a parameter without when."
    if bracket_count(*read_settings(settings)[1:]) >= MAX_BRACKETS:
        yield _SETTINGS, f"r_l must be less than eta to the power of {MAX_BRACKETS}."


def read_settings(settings: Mapping[str, str]) -> tuple[str, Fraction, Fraction]:
    """Return the resource's name, its largest budget, and eta, which is three where it is no positive number."""
    eta = Fraction(settings.get("eta") or DEFAULT_ETA)
    return settings["resource_name"], Fraction(settings["r_l"]), eta if eta > 0 else Fraction(DEFAULT_ETA)


HYPERBAND = Hyperband()
