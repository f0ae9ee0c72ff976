"""Asynchronous successive halving: who is among the best of a rung goes on at once, and nobody waits for anybody."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Member:
    """A Trial that has finished at its rung."""

    loss: float
    number: int
    family: int
    """The number of the Trial at the first rung that its point was new in."""
    row: Row


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
    """The rungs as the finished and the active Trials leave them."""

    def __init__(self, request: Request, halving: Halving, top: int) -> None:
        self._request, self._halving, self._top = request, halving, top
        history = request.history
        self._taken = {place for labels in (*history.labels, *request.pending_labels) if (place := _place(labels))}
        members: list[list[Member]] = [[] for _ in range(top + 1)]
        facts = zip(history.labels, history.values.tolist(), history.numbers.tolist(), strict=True)
        for index, (labels, loss, number) in enumerate(facts):
            place = _place(labels)
            if place and place[1] <= top:
                members[place[1]].append(Member(loss, number, place[0], tuple(history.rows[index].tolist())))
        self._eligible = [self._find_eligible(rung, members[rung]) for rung in range(top)]

    def _find_eligible(self, rung: int, members: Sequence[Member]) -> list[Member]:
        """Return those who may go on from a rung and have not, the best last; Trials without a result never may."""
        count = int(len(members) // self._halving.eta)
        usable = sorted((it for it in members if not math.isnan(it.loss)), key=lambda it: (it.loss, it.number))
        return [it for it in reversed(usable[:count]) if (it.family, rung + 1) not in self._taken]

    def promote(self) -> Suggested | None:
        """Return the best of the highest rung that has one to spare, at the next."""
        rung = next((rung for rung in reversed(range(self._top)) if self._eligible[rung]), None)
        if rung is None:
            return None
        member = self._eligible[rung].pop()
        return self._suggest(member.row, rung + 1, parent=member.number, family=member.family)

    def begin(self, row: Row | None, number: int) -> Suggested | None:
        """Return a new point at the lowest rung; None where there is no new one."""
        return None if row is None else self._suggest(row, 0, parent=None, family=number)

    def _suggest(self, row: Row, rung: int, *, parent: int | None, family: int) -> Suggested:
        granted = self._halving.grant(self._request.space, row, self._top - rung)
        return Suggested(granted, RUNGS.write(self._request.experiment, rung, parent=parent, family=family))


def _place(labels: Mapping[str, str]) -> tuple[int, int] | None:
    """Return the family and the rung of a Trial; None where it is none of ours."""
    if RUNGS.family not in labels or RUNGS.generation not in labels:
        return None
    return int(labels[RUNGS.family]), int(labels[RUNGS.generation])


ASHA = Asha()
