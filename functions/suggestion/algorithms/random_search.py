"""Random search: every suggestion is drawn anew; in a finite space no point is given twice."""

from collections.abc import Iterator, Mapping
from random import Random

from events.experiment import ExperimentSpec
from functions.suggestion.algorithms.drawing import draw_free_row
from functions.suggestion.algorithms.interface import Answer, Request, Suggested
from functions.suggestion.algorithms.settings import RANDOM_STATE, validate_parameters_only, validate_settings
from functions.suggestion.algorithms.taken import Taken
from functions.suggestion.search_space import Problem, Row


class RandomSearch:
    """Katib's `random`, with its four distributions kept inside the bounds."""

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with the settings."""
        yield from validate_parameters_only(spec)
        yield from validate_settings(spec, settings, {"random_state": (RANDOM_STATE,)})

    def suggest(self, request: Request) -> Answer:
        """Draw as many points as are wanted, or as a finite space has left."""
        taken = Taken(request)
        suggestions = tuple(Suggested(row) for row in self._draw(request, taken))
        return Answer(suggestions, is_end=taken.is_everything())

    def _draw(self, request: Request, taken: Taken) -> Iterator[Row]:
        rng = Random(request.seed)
        for _ in range(request.count):
            row = draw_free_row(request.space, rng, taken)
            if row is None:
                return
            taken.add(row)
            yield row


RANDOM = RandomSearch()
