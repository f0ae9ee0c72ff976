"""The settings of ENAS' controller: their types and ranges, in Katib's words."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from events.experiment import ExperimentSpec
from functions.suggestion.algorithms.settings import MAX_CHARACTERS, SETTINGS, setting_paths, too_long
from functions.suggestion.axis import to_number
from functions.suggestion.search_space import Problem

ASSIGNED = ("architecture", "nn_config")
"""What a Trial gets."""

_OPEN = float("inf")


@dataclass(frozen=True, slots=True)
class SettingRule:
    """A setting's type and the range it must lie in: of an int from 1, of a float above 0."""

    read: Callable[[str], float]
    is_int: bool = False
    highest: float = _OPEN
    may_be_none: bool = False

    def problem(self, name: str, text: str) -> str | None:
        """Return what is wrong with the value."""
        kind = "int" if self.is_int else "float"
        if len(text) > MAX_CHARACTERS:
            return too_long(name)
        try:
            value = self.read(text)
        except ValueError as error:
            return f"Algorithm Setting {name} must be {kind} type: exception {error}"
        if self.is_int and value < 1:
            return f"Algorithm Setting {name}: {text} with int type must be in range [1, inf)"
        if not self.is_int and not (0 < value <= self.highest and math.isfinite(value)):
            top = "inf)" if self.highest == _OPEN else f"{self.highest:g}]"
            return f"Algorithm Setting {name}: {text} with float type must be in range (0, {top}"
        return None


_POSITIVE, _OPTIONAL = SettingRule(to_number, highest=1.0), SettingRule(to_number, may_be_none=True)

SETTING_RULES: Final[Mapping[str, SettingRule]] = {
    "controller_hidden_size": SettingRule(int, is_int=True),
    "controller_temperature": _OPTIONAL,
    "controller_tanh_const": _OPTIONAL,
    "controller_entropy_weight": _OPTIONAL,
    "controller_baseline_decay": _POSITIVE,
    "controller_learning_rate": _POSITIVE,
    "controller_skip_target": _POSITIVE,
    "controller_skip_weight": _OPTIONAL,
    "controller_train_steps": SettingRule(int, is_int=True),
    "controller_log_every_steps": SettingRule(int, is_int=True),
}

LEAST: Final[Mapping[str, float]] = {"controller_temperature": 1e-6}
MOST: Final[Mapping[str, int]] = {
    "controller_hidden_size": 512,
    "controller_train_steps": 10_000,
    "controller_temperature": 1_000_000,
    "controller_tanh_const": 1_000_000,
    "controller_entropy_weight": 1_000_000,
    "controller_skip_weight": 1_000_000,
}
"""The weights are kept in one row of the store, 3 x 4 bytes each; a step takes some ten milliseconds.

The others are multiplied, or divided by: with numbers far beyond these the sums are infinite, or none.
"""


def validate_enas_settings(spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong with the settings."""
    paths = setting_paths(spec)
    for name, text in settings.items():
        at = paths.get(name, SETTINGS)
        rule = SETTING_RULES.get(name)
        if rule is None and name != "random_state":
            yield f"{at}.name", f"Unknown Algorithm Setting name: {name}"
        elif rule and not (text == "None" and rule.may_be_none) and (problem := _problem(rule, name, text)):
            yield f"{at}.value", problem


def _problem(rule: SettingRule, name: str, text: str) -> str | None:
    if problem := rule.problem(name, text):
        return problem
    value = rule.read(text)
    if value < LEAST.get(name, 0):
        return f"Algorithm Setting {name}: {text} must be {LEAST[name]:g} or more"
    return f"Algorithm Setting {name}: {text} must be {MOST[name]} or less" if value > MOST.get(name, value) else None
