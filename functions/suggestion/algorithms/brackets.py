"""The brackets and rungs of Hyperband as plain numbers: what is open, who climbs, and which Trials are wanted."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from events.resource import Manifest
from functions.suggestion.algorithms.drawing import draw_row
from functions.suggestion.algorithms.halving import BRACKET_LABEL, Halving
from functions.suggestion.algorithms.interface import Answer, Request, Suggested
from functions.suggestion.search_space import Row
from functions.trial.lineage import RUNGS

if TYPE_CHECKING:
    from functions.suggestion.algorithms.fresh_points import (
        FreshPoints,
    )  # it loads numpy, which validation does not need


@dataclass(frozen=True)
class Bracket:
    """One run of successive halving, at one of its rungs."""

    s: int
    """How many rungs follow the first; the first bracket has the most."""
    rung: int
    wanted: int
    """Trials that this rung still has to create."""
    waiting: list[list[float]] = field(default_factory=list)
    """The points of those, best first; of the first rung none is known before it is drawn."""
    members: list[int] = field(default_factory=list)
    """The numbers of the Trials that it has created."""
    parents: list[int] = field(default_factory=list)
    """The numbers of the Trials that the waiting ones go on from."""
    first: int | None = None
    """The number of its first Trial, which tells it from others."""


@dataclass(frozen=True)
class Plan:
    """What is decided: the bracket that is opened next (below 0 none is), and those that are open."""

    following: int
    open: tuple[Bracket, ...] = ()

    def to_manifest(self) -> Manifest:
        """Write plain numbers."""
        return {"following": self.following, "open": [asdict(bracket) for bracket in self.open]}


_PLAN = TypeAdapter(Plan)


class Brackets:
    """One answer: the plan moves by what has finished, then by every Trial that it creates."""

    def __init__(self, request: Request, halving: Halving, points: "FreshPoints", *, is_endless: bool = False) -> None:
        """Endless brackets begin again with the first when the last is open, as long as there are new points."""
        self._request, self._halving, self._points = request, halving, points
        self._is_endless = is_endless
        self._rng = Random(request.seed)
        self._results = _results(request)

    def answer(self) -> Answer:
        """Return the Trials that are wanted now: none while all open rungs wait for theirs to finish."""
        state = self._request.state
        plan = self._climb(_PLAN.validate_python(state) if state else Plan(self._halving.largest))
        suggestions: list[Suggested] = []
        states = [plan.to_manifest()]
        while len(suggestions) < self._request.count:
            plan, place = self._open(plan)
            if place is None:
                break
            number = self._request.first_number + len(suggestions)
            bracket, suggested = self._create(plan.open[place], number)
            plan = Plan(plan.following, (*plan.open[:place], bracket, *plan.open[place + 1 :]))
            suggestions.append(suggested)
            states.append(plan.to_manifest())
        return Answer(tuple(suggestions), states=tuple(states), is_end=self._is_end(plan))

    def _open(self, plan: Plan) -> tuple[Plan, int | None]:
        """Return the place of a bracket that wants a Trial, opening the next where no open one does."""
        for place, bracket in enumerate(plan.open):
            if bracket.wanted:
                return plan, place
        following = plan.following
        if following < 0:
            if not self._begins_again():
                return plan, None
            following = self._halving.largest
        bracket = Bracket(following, 0, self._first_count(following))
        return Plan(following - 1, (*plan.open, bracket)), len(plan.open)

    def _first_count(self, s: int) -> int:
        return math.ceil(Fraction(self._halving.largest + 1, s + 1) * self._halving.eta**s)

    def _create(self, bracket: Bracket, number: int) -> tuple[Bracket, Suggested]:
        row = tuple(bracket.waiting[0]) if bracket.waiting else self._draw()
        parent = bracket.parents[0] if bracket.parents else None
        first = number if bracket.first is None else bracket.first
        created = replace(
            bracket,
            wanted=bracket.wanted - 1,
            waiting=bracket.waiting[1:],
            members=[*bracket.members, number],
            parents=bracket.parents[1:],
            first=first,
        )
        granted = self._halving.grant(self._request.space, row, bracket.s - bracket.rung)
        lineage = RUNGS.write(self._request.experiment, bracket.rung, parent=parent, family=first)
        return created, Suggested(granted, {BRACKET_LABEL: str(bracket.s), **lineage})

    def _draw(self) -> Row:
        """Return a new point; where there is none left, or none is found, one is tried again."""
        row = self._points.draw()
        return draw_row(self._request.space, self._rng) if row is None else row

    def _climb(self, plan: Plan) -> Plan:
        """Promote the best of every rung whose Trials have all finished; a rung without any result ends its bracket."""
        climbed = (self._promote(bracket) for bracket in plan.open)
        return Plan(plan.following, tuple(bracket for bracket in climbed if bracket is not None))

    def _promote(self, bracket: Bracket) -> Bracket | None:
        if bracket.wanted or any(number not in self._results for number in bracket.members):
            return bracket
        usable = [number for number in bracket.members if not math.isnan(self._results[number][1])]
        best = sorted(usable, key=lambda number: self._results[number][1])
        kept = best[: math.ceil(len(bracket.members) / self._halving.eta)]
        if bracket.rung == bracket.s or not kept:
            return None
        waiting = [list(self._results[it][0]) for it in kept]
        return Bracket(bracket.s, bracket.rung + 1, len(kept), waiting, parents=kept, first=bracket.first)

    def _is_end(self, plan: Plan) -> bool:
        """Tell whether the last Trial of the last rung has been created."""
        is_over = plan.following < 0 and all(it.rung == it.s and not it.wanted for it in plan.open)
        return is_over and not self._begins_again()

    def _begins_again(self) -> bool:
        return self._is_endless and not self._points.is_used_up()


def _results(request: Request) -> Mapping[int, tuple[Row, float]]:
    """Return the point and the loss of every finished Trial by its number."""
    history = request.history
    rows = map(tuple, history.rows.tolist())
    return dict(zip(history.numbers.tolist(), zip(rows, history.values.tolist(), strict=True), strict=True))
