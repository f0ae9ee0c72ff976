"""Checks that algorithms share: their settings, and that there are parameters to search."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from events.experiment import ExperimentSpec
from functions.suggestion.search_space import Problem

SETTINGS: Final = "spec.algorithm.algorithmSettings"

MAX_CHARACTERS = 100
"""Of a setting that is read as a number: arithmetic on more digits takes as long as there are."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a setting is read, and what must hold for its value; the message may use `{name}` and `{value}`."""

    read: Callable[[str], float]
    holds: Callable[[float], bool]
    message: str


def one_of(*names: str, message: str) -> Rule:
    """Return the rule that the setting is one of these words."""
    return Rule(lambda text: names.index(text) if text in names else -1, lambda index: index >= 0, message)


RANDOM_STATE: Final = Rule(int, lambda value: value >= 0, "{name} should be great or equal than zero")
"""Katib's wording, for every algorithm that draws."""


def validate_settings(
    spec: ExperimentSpec, settings: Mapping[str, str], rules: Mapping[str, tuple[Rule, ...]]
) -> Iterator[Problem]:
    """Yield the settings that are unknown, cannot be read, or break the first of their rules."""
    algorithm = spec.algorithm.algorithm_name if spec.algorithm else ""
    paths = setting_paths(spec)
    for name, text in settings.items():
        path = paths.get(name, SETTINGS)
        if name not in rules:
            yield f"{path}.name", f"unknown setting {name} for algorithm {algorithm}"
        elif problem := find_problem(name, text, rules[name]):
            yield f"{path}.value", problem


def setting_paths(spec: ExperimentSpec) -> dict[str, str]:
    """Return where each setting stands; of one that is given twice the last counts."""
    given = spec.algorithm.algorithm_settings if spec.algorithm else ()
    return {setting.name: f"{SETTINGS}[{index}]" for index, setting in enumerate(given)}


def find_problem(name: str, text: str, rules: tuple[Rule, ...]) -> str | None:
    """Return why the setting cannot be read, or which of its rules it breaks."""
    if rules and len(text) > MAX_CHARACTERS:
        return too_long(name)
    try:
        broken = next((rule for rule in rules if not rule.holds(rule.read(text))), None)
    except ValueError as error:
        return f"failed to validate {name}({text}): {error}"
    return broken.message.format(name=name, value=text) if broken else None


def too_long(name: str) -> str:
    """Return what is said of a number with too many digits, without them."""
    return f"failed to validate {name}: it may not be longer than {MAX_CHARACTERS} characters"


def validate_parameters_only(spec: ExperimentSpec) -> Iterator[Problem]:
    """Yield a problem where there is a graph to search, for algorithms that know only parameters."""
    if spec.nas_config is not None and spec.algorithm:
        yield (
            "spec.nasConfig",
            f"algorithm {spec.algorithm.algorithm_name} searches spec.parameters, not spec.nasConfig",
        )
