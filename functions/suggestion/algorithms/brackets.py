"""The brackets and rungs of Hyperband, by exact arithmetic, as plain numbers."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from random import Random

from pydantic import TypeAdapter

from events.resource import Manifest
from functions.suggestion.algorithms.drawing import draw_row
from functions.suggestion.algorithms.interface import Answer, Request, Suggested
from functions.suggestion.search_space import Row

BRACKET_LABEL = "hyperband.suggestion.kuttab.dev/bracket"
RUNG_LABEL = "hyperband.suggestion.kuttab.dev/rung"
MAX_BRACKETS = 20
"""The first one has at least eta to this power Trials: more is a slip of the pen, and refused."""

MAX_DRAWS = 100
"""Draws for a point that is new; after that one is tried again."""


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


@dataclass(frozen=True)
class Plan:
    """What is decided: the bracket that is opened next (below 0 none is), and those that are open."""

    following: int
    open: tuple[Bracket, ...] = ()

    def to_manifest(self) -> Manifest:
        """Write plain numbers."""
        return {"following": self.following, "open": [asdict(bracket) for bracket in self.open]}


_PLAN = TypeAdapter(Plan)


def bracket_count(most: Fraction, eta: Fraction) -> int:
    """Return the largest s for which eta to the power of s is no more than the budget; floats are off by one here."""
    s = 0
    while s < MAX_BRACKETS and eta ** (s + 1) <= most:
        s += 1
    return s


class Brackets:
    """One answer: the plan moves by what has finished, then by every Trial that it creates."""

    def __init__(self, request: Request, resource_name: str, most: Fraction, eta: Fraction) -> None:
        self._request = request
        self._most, self._eta = most, eta
        self._largest = bracket_count(most, eta)
        self._resource = [axis.name for axis in request.space.axes].index(resource_name)
        self._rng = Random(request.seed)
        self._results = _results(request)
        before = [] if request.allow_duplicates else [*request.pending, *(row for row, _ in self._results.values())]
        self._known = {self._without_budget(row) for row in before}

    def answer(self) -> Answer:
        """Return the Trials that are wanted now: none while all open rungs wait for theirs to finish."""
        state = self._request.state
        plan = self._climb(_PLAN.validate_python(state) if state else Plan(self._largest))
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
        return Answer(tuple(suggestions), states=tuple(states), is_end=_is_end(plan))

    def _open(self, plan: Plan) -> tuple[Plan, int | None]:
        """Return the place of a bracket that wants a Trial, opening the next where no open one does."""
        for place, bracket in enumerate(plan.open):
            if bracket.wanted:
                return plan, place
        if plan.following < 0:
            return plan, None
        bracket = Bracket(plan.following, 0, self._first_count(plan.following))
        return Plan(plan.following - 1, (*plan.open, bracket)), len(plan.open)

    def _first_count(self, s: int) -> int:
        return math.ceil(Fraction(self._largest + 1, s + 1) * self._eta**s)

    def _create(self, bracket: Bracket, number: int) -> tuple[Bracket, Suggested]:
        row = tuple(bracket.waiting[0]) if bracket.waiting else self._draw()
        budget = float(self._most / self._eta ** (bracket.s - bracket.rung))
        labels = {BRACKET_LABEL: str(bracket.s), RUNG_LABEL: str(bracket.rung)}
        created = replace(
            bracket, wanted=bracket.wanted - 1, waiting=bracket.waiting[1:], members=[*bracket.members, number]
        )
        return created, Suggested(self._with_budget(row, budget), labels)

    def _draw(self) -> Row:
        """Draw a point that no Trial of any budget has had, where there is one."""
        draws = [draw_row(self._request.space, self._rng)]
        while self._without_budget(draws[-1]) in self._known and len(draws) < MAX_DRAWS:
            draws.append(draw_row(self._request.space, self._rng))
        self._known.add(self._without_budget(draws[-1]))
        return draws[-1]

    def _without_budget(self, row: Row) -> Row:
        return (*row[: self._resource], *row[self._resource + 1 :])

    def _with_budget(self, row: Row, budget: float) -> Row:
        """Return the point with the nearest budget that its axis has; Katib cuts fractions off."""
        axis = self._request.space.axes[self._resource]
        value = axis.snap(float(math.floor(budget)) if axis.step == 1 else budget)
        return (*row[: self._resource], value, *row[self._resource + 1 :])

    def _climb(self, plan: Plan) -> Plan:
        """Promote the best of every rung whose Trials have all finished; a rung without any result ends its bracket."""
        climbed = (self._promote(bracket) for bracket in plan.open)
        return Plan(plan.following, tuple(bracket for bracket in climbed if bracket is not None))

    def _promote(self, bracket: Bracket) -> Bracket | None:
        if bracket.wanted or any(number not in self._results for number in bracket.members):
            return bracket
        usable = [number for number in bracket.members if not math.isnan(self._results[number][1])]
        best = sorted(usable, key=lambda number: self._results[number][1])
        kept = best[: math.ceil(len(bracket.members) / self._eta)]
        if bracket.rung == bracket.s or not kept:
            return None
        return Bracket(bracket.s, bracket.rung + 1, len(kept), [list(self._results[it][0]) for it in kept])


def _results(request: Request) -> Mapping[int, tuple[Row, float]]:
    """Return the point and the loss of every finished Trial by its number."""
    history = request.history
    rows = map(tuple, history.rows.tolist())
    return dict(zip(history.numbers.tolist(), zip(rows, history.values.tolist(), strict=True), strict=True))


def _is_end(plan: Plan) -> bool:
    """Tell whether the last Trial of the last rung has been created."""
    return plan.following < 0 and all(it.rung == it.s and not it.wanted for it in plan.open)
