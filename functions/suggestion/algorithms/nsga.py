"""NSGA-II and NSGA-III: a population that crosses and mutates, for several objectives at any number of Trials."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from events.experiment import ExperimentSpec
from functions.suggestion.algorithms.interface import Answer, Request
from functions.suggestion.algorithms.proposing import QuasiRandom, answer_by
from functions.suggestion.algorithms.settings import RANDOM_STATE, Rule, validate_parameters_only, validate_settings
from functions.suggestion.algorithms.sobol import MAX_DIMENSIONS
from functions.suggestion.search_space import Problem

POPULATION = 50
"""Optuna's default."""

MIN_POPULATION = 4
MAX_POPULATION = 1_000
"""Every answer ranks the population and what is new: a thousand take about 50 ms."""

GENERATIONS = 4
"""At least so many populations fit into the budget, unless the size is given."""

_SHARE: Final = Rule(float, lambda value: 0 <= value <= 1, "{name} should be in the range of [0, 1]")
_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "population_size": (
        Rule(
            int,
            lambda value: MIN_POPULATION <= value <= MAX_POPULATION,
            f"{{name}} should be from {MIN_POPULATION} to {MAX_POPULATION}",
        ),
    ),
    "crossover_prob": (_SHARE,),
    "mutation_prob": (_SHARE,),
    "random_state": (RANDOM_STATE,),
}


@dataclass(frozen=True, slots=True)
class Nsga:
    """Remembers which Trials are its parents. Active Trials take no part: what they give is not known."""

    has_reference_points: bool

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with the settings, and a space with more axes than the first points know."""
        yield from validate_parameters_only(spec)
        yield from validate_settings(spec, settings, _RULES)
        if len(spec.parameters) > MAX_DIMENSIONS:
            yield "spec.parameters", f"at most {MAX_DIMENSIONS} parameters are supported"

    def suggest(self, request: Request) -> Answer:
        """Spread the first population evenly, then breed from the best that there are."""
        size = population_size(request)
        if _count_complete(request) < size or all(axis.size == 1 for axis in request.space.axes):
            return replace(answer_by(request, QuasiRandom(request)), state=request.state)
        from functions.suggestion.algorithms.breeding import Breeder, remember_parents, select_parents

        parents = select_parents(request, size, has_reference_points=self.has_reference_points)
        state = remember_parents(request.history, parents)
        return replace(answer_by(request, Breeder(request, parents)), state=state)


def _count_complete(request: Request) -> int:
    """Count the Trials of which every objective is a number: no other one can be a parent."""
    losses = request.history.losses
    return int((losses == losses).all(axis=1).sum())  # noqa: PLR0124 - which NaN is not


def population_size(request: Request) -> int:
    """Return the size that is set, or one that leaves room for generations."""
    if "population_size" in request.settings:
        return int(request.settings["population_size"])
    budget = request.max_trial_count
    return POPULATION if budget is None else max(MIN_POPULATION, min(POPULATION, budget // GENERATIONS))


NSGA_II = Nsga(has_reference_points=False)
NSGA_III = Nsga(has_reference_points=True)
