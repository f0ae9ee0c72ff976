"""Population based training: generations of Trials, each of which goes on from the checkpoint of an earlier one."""

from collections.abc import Iterator, Mapping
from typing import Final

from events.experiment import ExperimentSpec
from functions.suggestion.algorithms.interface import Answer, Request
from functions.suggestion.algorithms.population import Breeding, answer_population
from functions.suggestion.algorithms.settings import RANDOM_STATE, Rule, validate_parameters_only, validate_settings
from functions.suggestion.axis import to_number
from functions.suggestion.search_space import Problem

_SETTINGS = "spec.algorithm.algorithmSettings"
_REQUIRED = ("suggestion_trial_dir", "n_population", "truncation_threshold")

MAX_POPULATION = 10_000
"""A population is kept in one row of the store, and a generation is made at once."""

_SHARE: Final = Rule(to_number, lambda value: 0 <= value <= 1, "Param({name}) should be between 0 and 1, inclusive")
_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "suggestion_trial_dir": (),
    "checkpoint": (),
    "n_population": (
        Rule(int, lambda value: value >= 5, "Param({name}) should be >= 5"),  # noqa: PLR2004 - Katib's
        Rule(int, lambda value: value <= MAX_POPULATION, f"Param({{name}}) should be <= {MAX_POPULATION}"),
    ),
    "truncation_threshold": (_SHARE,),
    "resample_probability": (_SHARE,),
    "random_state": (RANDOM_STATE,),
}


class PopulationBasedTraining:
    """Katib's `pbt`. It remembers the generation, its members' numbers and who is to follow."""

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with the settings, in Katib's words."""
        yield from validate_parameters_only(spec)
        if missing := [name for name in _REQUIRED if not settings.get(name)]:
            yield _SETTINGS, f"Required params missing: {', '.join(missing)}"
        given = {name: text for name, text in settings.items() if text or name not in _REQUIRED}
        yield from validate_settings(spec, given, _RULES)

    def suggest(self, request: Request) -> Answer:
        """Give what the generation lacks; none while its last Trials run."""
        return answer_population(request, read_breeding(request.settings))


def read_breeding(settings: Mapping[str, str]) -> Breeding:
    """Read settings that validation has nothing against."""
    return Breeding(
        size=int(settings["n_population"]),
        truncation=to_number(settings["truncation_threshold"]),
        resample_probability=to_number(settings.get("resample_probability") or "0"),
    )


PBT = PopulationBasedTraining()
