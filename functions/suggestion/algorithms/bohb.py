"""BOHB: Hyperband's brackets, again and again, with new points from a model of what was seen at the largest budget."""

from collections.abc import Iterator, Mapping
from typing import Final

from events.experiment import ExperimentSpec
from functions.suggestion.algorithms.brackets import Brackets
from functions.suggestion.algorithms.halving import Halving, validate_halving
from functions.suggestion.algorithms.interface import Answer, Request
from functions.suggestion.algorithms.settings import Rule
from functions.suggestion.algorithms.tpe import MAX_EI_CANDIDATES
from functions.suggestion.axis import to_number
from functions.suggestion.search_space import Problem

RANDOM_FRACTION = 1 / 3
SAMPLES = 64
"""HpBandSter's defaults, and its names of the settings."""

_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "random_fraction": (Rule(to_number, lambda value: 0 <= value <= 1, "{name} should be in the range of [0, 1]"),),
    "min_points_in_model": (Rule(int, lambda value: value > 0, "{name} should be great than zero"),),
    "num_samples": (
        Rule(
            int,
            lambda value: 0 < value <= MAX_EI_CANDIDATES,
            f"{{name}} should be in the range of [1, {MAX_EI_CANDIDATES}]",
        ),
    ),
}


class Bohb:
    """`bohb`, which Katib has not. It remembers what `hyperband` does, and begins anew when all brackets are open."""

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with the settings: those of `hyperband`, and of the model."""
        yield from validate_halving(spec, settings, _RULES)

    def suggest(self, request: Request) -> Answer:
        """Give what the open rungs still lack, and open brackets for the slots that are left."""
        from functions.suggestion.algorithms.fresh_points import ModelKnobs, ModelPoints

        halving, settings = Halving.read(request.settings), request.settings
        knobs = ModelKnobs(
            random_fraction=to_number(settings.get("random_fraction") or str(RANDOM_FRACTION)),
            min_points=int(settings.get("min_points_in_model") or len(request.space.axes)),
            candidate_count=int(settings.get("num_samples") or SAMPLES),
        )
        return Brackets(request, halving, ModelPoints(request, halving, knobs), is_endless=True).answer()


BOHB = Bohb()
