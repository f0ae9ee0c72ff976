"""Hyperband: many points at a small budget, the better ones again at a larger, in brackets that differ in how many."""

from collections.abc import Iterator, Mapping

from events.experiment import ExperimentSpec
from functions.suggestion.algorithms.brackets import Brackets
from functions.suggestion.algorithms.halving import Halving, validate_halving
from functions.suggestion.algorithms.interface import Answer, Request
from functions.suggestion.search_space import Problem


class Hyperband:
    """Katib's `hyperband`. It remembers its open brackets and the numbers of their Trials."""

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with the settings."""
        yield from validate_halving(spec, settings)

    def suggest(self, request: Request) -> Answer:
        """Give what the open rungs still lack, and open brackets for the slots that are left."""
        from functions.suggestion.algorithms.fresh_points import RandomPoints

        halving = Halving.read(request.settings)
        return Brackets(request, halving, RandomPoints(request, halving)).answer()


HYPERBAND = Hyperband()
