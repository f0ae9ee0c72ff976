"""Asynchronous successive halving: who is among the best of a rung goes on at once, and nobody waits for anybody."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from events.experiment import ExperimentSpec
from functions.suggestion.algorithms.halving import Halving, validate_halving
from functions.suggestion.algorithms.interface import Answer, Request, Suggested
from functions.suggestion.algorithms.settings import Rule
from functions.suggestion.search_space import Problem, Row
from functions.trial.lineage import RUNGS

_RATE = "min_early_stopping_rate"
_SETTINGS = "spec.algorithm.algorithmSettings"
_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    _RATE: (Rule(int, lambda value: value >= 0, "{name} should be great or equal than zero"),)
}


class Asha:
    """`asha`, which Katib has not. It remembers nothing: the labels of its Trials say who has climbed."""

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with the settings."""
        problems = list(validate_halving(spec, settings, _RULES))
        yield from problems
        if not problems and int(settings.get(_RATE) or 0) > (largest := Halving.read(settings).largest):
            yield _SETTINGS, f"{_RATE} must not be greater than {largest}: r_l and eta make no more rungs."

    def suggest(self, request: Request) -> Answer:
        """Let the best of the highest rung go on that has one to spare; else begin with new points at the lowest."""
        from functions.suggestion.algorithms.fresh_points import RandomPoints

        halving = Halving.read(request.settings)
        climb = _Climb(request, halving, halving.largest - int(request.settings.get(_RATE) or 0))
        points = RandomPoints(request, halving)
        suggestions: list[Suggested] = []
        for number in range(request.first_number, request.first_number + request.count):
            suggested = climb.promote() or climb.begin(points.draw(), number)
            if suggested is None:
                break
            suggestions.append(suggested)
        return Answer(tuple(suggestions), is_end=not suggestions and not request.pending)


class _Climb:
    """The rungs as the finished and the active Trials leave them; finished ones are called by their place."""

    def __init__(self, request: Request, halving: Halving, top: int) -> None:
        self._request, self._halving, self._top = request, halving, top
        self._standings = [_standing(labels) for labels in request.history.labels]
        self._climbed = {*self._standings, *map(_standing, request.pending_labels)}
        members: list[list[int]] = [[] for _ in range(top + 1)]
        for place, standing in enumerate(self._standings):
            if standing is not None and standing[1] <= top:
                members[standing[1]].append(place)
        self._eligible = [self._find_eligible(rung, members[rung]) for rung in range(top)]

    def _find_eligible(self, rung: int, members: Sequence[int]) -> list[int]:
        """Return those who may go on from a rung and have not, the best last; Trials without a result never may.

        More than are asked for are not looked for.
        """
        losses, numbers = self._request.history.values.tolist(), self._request.history.numbers.tolist()
        usable = [place for place in members if not math.isnan(losses[place])]
        best = sorted(usable, key=lambda place: (losses[place], numbers[place]))
        free = (it for it in best[: int(len(members) // self._halving.eta)] if not self._has_climbed(it, rung))
        return list(islice(free, self._request.count))[::-1]

    def _has_climbed(self, place: int, rung: int) -> bool:
        standing = self._standings[place]
        return standing is not None and (standing[0], rung + 1) in self._climbed

    def promote(self) -> Suggested | None:
        """Return the best of the highest rung that has one to spare, at the next."""
        rung = next((rung for rung in reversed(range(self._top)) if self._eligible[rung]), None)
        if rung is None:
            return None
        place, history = self._eligible[rung].pop(), self._request.history
        family, _ = self._standings[place] or (0, 0)
        row = tuple(history.rows[place].tolist())
        return self._suggest(row, rung + 1, parent=int(history.numbers[place]), family=family)

    def begin(self, row: Row | None, number: int) -> Suggested | None:
        """Return a new point at the lowest rung; None where there is no new one."""
        return None if row is None else self._suggest(row, 0, parent=None, family=number)

    def _suggest(self, row: Row, rung: int, *, parent: int | None, family: int) -> Suggested:
        granted = self._halving.grant(self._request.space, row, self._top - rung)
        return Suggested(granted, RUNGS.write(self._request.experiment, rung, parent=parent, family=family))


def _standing(labels: Mapping[str, str]) -> tuple[int, int] | None:
    """Return the family and the rung of a Trial; None where it is none of ours.

    A family is called by the number of the Trial in which its point was new.
    """
    family, rung = labels.get(RUNGS.family), labels.get(RUNGS.generation)
    return None if family is None or rung is None else (int(family), int(rung))


ASHA = Asha()
