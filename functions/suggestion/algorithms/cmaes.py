"""CMA-ES: a normal distribution that moves and stretches, generation by generation, towards where good points are."""

from collections.abc import Iterator, Mapping
from typing import Final

from events.experiment import ExperimentSpec
from functions.suggestion.algorithms.interface import Answer, Request
from functions.suggestion.algorithms.proposing import answer_by
from functions.suggestion.algorithms.settings import (
    RANDOM_STATE,
    Rule,
    one_of,
    validate_parameters_only,
    validate_settings,
)
from functions.suggestion.axis import NUMERIC
from functions.suggestion.search_space import Problem

MIN_AXES = 2
MIN_POPULATION = 4
"""With fewer there is nothing to choose a direction from."""

MIN_SIGMA = 1e-6
MAX_SIGMA = 1.0
"""Narrower, a search would be over before it began; wider, it would draw nothing but corners. 0 is the default."""

_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "restart_strategy": (
        one_of(
            "none", "None", "ipop", "bipop", message="restart_strategy {value} is not supported in CMAES optimization"
        ),
    ),
    "sigma": (
        Rule(float, lambda value: value >= 0, "{name} should be greate or equal than zero"),
        Rule(
            float,
            lambda value: value == 0 or MIN_SIGMA <= value <= MAX_SIGMA,
            f"{{name}} should be 0, or from {MIN_SIGMA:g} to {MAX_SIGMA:g}: it is a share of every range",
        ),
    ),
    "popsize": (Rule(int, lambda value: value >= MIN_POPULATION, f"{{name}} should be at least {MIN_POPULATION}"),),
    "random_state": (RANDOM_STATE,),
}


class CMAES:
    """Katib's `cmaes`. It remembers the distribution, and which Trials belong to its generation."""

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with the settings, and too few numeric parameters; lists may come besides."""
        yield from validate_parameters_only(spec)
        yield from validate_settings(spec, settings, _RULES)
        numeric = [parameter for parameter in spec.parameters if parameter.parameter_type in NUMERIC]
        if len(numeric) < MIN_AXES and spec.parameters:
            yield "spec.parameters", "cmaes only supports two or more dimensional continuous search space."

    def suggest(self, request: Request) -> Answer:
        """Learn from the results that are in, then draw from the distribution."""
        if not any(axis.is_ordered and axis.size != 1 for axis in request.space.axes):
            return answer_by(request, None)
        from functions.suggestion.algorithms.generations import evolve

        return evolve(request)


CMA_ES = CMAES()
