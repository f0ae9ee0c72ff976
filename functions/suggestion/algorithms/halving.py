"""What `hyperband`, `bohb` and `asha` share: budgets by exact arithmetic, and the settings that they follow from."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Self

from events.experiment import ExperimentSpec
from functions.suggestion.algorithms.settings import RANDOM_STATE, Rule, validate_parameters_only, validate_settings
from functions.suggestion.axis import NUMERIC, to_number
from functions.suggestion.search_space import Problem, Row, SearchSpace
from functions.trial.lineage import DIRECTORY_SETTING, URI_SETTING

DEFAULT_ETA = "3"

MAX_BRACKETS = 20
"""The first one has at least eta to this power Trials: more is a slip of the pen, and refused."""

BRACKET_LABEL = "hyperband.suggestion.kuttab.dev/bracket"

_SETTINGS = "spec.algorithm.algorithmSettings"


def _read_eta(text: str) -> float:
    """Read a number; one that is too small for a double is not the zero that means three."""
    value, mantissa = to_number(text), text.lower().partition("e")[0]
    is_tiny = value == 0 and mantissa.strip("+-.0 ")
    return math.copysign(math.ulp(0.0), value) if is_tiny else value


_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "r_l": (Rule(to_number, lambda value: 0 < value < math.inf, "r_l must be a positive float number."),),
    "resource_name": (),
    "eta": (Rule(_read_eta, lambda value: value <= 0 or 1 < value < math.inf, "eta must be greater than 1."),),
    "random_state": (RANDOM_STATE,),
    DIRECTORY_SETTING: (),
    URI_SETTING: (),
}


def bracket_count(most: Fraction, eta: Fraction) -> int:
    """Return the largest s for which eta to the power of s is no more than the budget; floats are off by one here."""
    s = 0
    while s < MAX_BRACKETS and eta ** (s + 1) <= most:
        s += 1
    return s


@dataclass(frozen=True, slots=True)
class Halving:
    """The budgets of rungs: each is eta times the one below, and the last is the largest."""

    resource_name: str
    most: Fraction
    """The largest budget."""
    eta: Fraction
    largest: int
    """How many rungs follow the first one of the longest climb."""

    @classmethod
    def read(cls, settings: Mapping[str, str]) -> Self:
        """Read settings that validation has nothing against; eta is three where it is no positive number."""
        text, most = settings.get("eta") or DEFAULT_ETA, Fraction(settings["r_l"])
        eta = Fraction(text if to_number(text) > 0 else DEFAULT_ETA)  # exact, so never of what a double cannot hold
        return cls(settings["resource_name"], most, eta, bracket_count(most, eta))

    def place(self, space: SearchSpace) -> int:
        """Return which of the axes is the budget."""
        return [axis.name for axis in space.axes].index(self.resource_name)

    def grant(self, space: SearchSpace, row: Row, remaining: int) -> Row:
        """Return the point with the budget of a rung that so many follow, or the nearest one that its axis has.

        Katib cuts fractions off.
        """
        place = self.place(space)
        axis, budget = space.axes[place], float(self.most / self.eta**remaining)
        value = axis.snap(float(math.floor(budget)) if axis.step == 1 else budget)
        return (*row[:place], value, *row[place + 1 :])


def validate_halving(
    spec: ExperimentSpec, settings: Mapping[str, str], more: Mapping[str, tuple[Rule, ...]] | None = None
) -> Iterator[Problem]:
    """Yield what is wrong with the settings. How many Trials run at a time is not: rungs wait for free slots."""
    yield from validate_parameters_only(spec)
    problems = list(validate_settings(spec, settings, {**_RULES, **(more or {})}))
    yield from problems
    if not settings.get("r_l") or not settings.get("resource_name"):
        yield _SETTINGS, "r_l and resource_name must be set."
    elif not problems:
        yield from _validate_resource(spec, settings)


def _validate_resource(spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
    kinds = {parameter.name: parameter.parameter_type for parameter in spec.parameters}
    if settings["resource_name"] not in kinds:
        yield _SETTINGS, "value of resource_name setting must be in parameters."
    elif kinds[settings["resource_name"]] not in NUMERIC:
        yield _SETTINGS, "value of resource_name setting must be a parameter of type int or double."
    elif any(it.when for it in spec.parameters if it.name == settings["resource_name"]):
        yield _SETTINGS, "value of resource_name setting must be a parameter without when."
    for index, parameter in enumerate(spec.parameters):
        if parameter.when and parameter.when.parameter == settings["resource_name"]:
            reason = "which changes from rung to rung while the point must stay the same"
            yield f"spec.parameters[{index}].when.parameter", f"must not be {settings['resource_name']}, {reason}"
    if Halving.read(settings).largest >= MAX_BRACKETS:
        yield _SETTINGS, f"r_l must be less than eta to the power of {MAX_BRACKETS}."
