"""Checks that the families share: settings that are unknown, cannot be read, or break a rule."""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Final

from functions.observation.early_stopping.interface import SettingProblem
from functions.suggestion.algorithms.settings import Rule, find_problem

MAX_STEPS = 1_000_000_000
"""More reports than a Worker makes, and few enough to count with."""

NOT_NEGATIVE: Final = Rule(
    int, lambda value: 0 <= value <= MAX_STEPS, f"{{name}} must be in the range of [0, {MAX_STEPS}]"
)
POSITIVE: Final = Rule(int, lambda value: 1 <= value <= MAX_STEPS, f"{{name}} must be in the range of [1, {MAX_STEPS}]")
FINITE: Final = Rule(float, isfinite, "{name} must be a finite number")

Rules = Mapping[str, Rule]


def validate_settings(algorithm: str, settings: Mapping[str, str], rules: Rules) -> Iterator[SettingProblem]:
    """Yield the settings that are not in the rules or break theirs, in Katib's wording."""
    for name, text in settings.items():
        if name not in rules:
            yield name, "name", f"unknown setting {name} for algorithm {algorithm}"
        elif problem := find_problem(name, text, (rules[name],)):
            yield name, "value", problem


def read_number(settings: Mapping[str, str], name: str) -> float | None:
    """Return a setting as a number; None where it is missing or none, which its rule reports."""
    try:
        return float(settings[name])
    except (KeyError, ValueError):
        return None
