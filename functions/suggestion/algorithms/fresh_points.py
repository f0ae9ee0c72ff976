"""New points for the first rungs: each unlike all before, whatever budget those had; at random, or from a model."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from random import Random
from typing import Protocol

import numpy as np

from functions.suggestion.algorithms.drawing import draw_free_row
from functions.suggestion.algorithms.halving import Halving
from functions.suggestion.algorithms.interface import Request
from functions.suggestion.algorithms.proposing import MAX_PROPOSALS, Proposer
from functions.suggestion.algorithms.taken import Taken
from functions.suggestion.algorithms.tpe import MULTIVARIATE_TPE
from functions.suggestion.history import History
from functions.suggestion.search_space import Row


class FreshPoints(Protocol):
    """Where new points come from. Their budget is not said: the rung grants it."""

    def draw(self) -> Row | None:
        """Return a point that no Trial has had; None where there is none left, or none is found."""
        ...

    def is_used_up(self) -> bool:
        """Tell whether every point of the space has had a Trial."""
        ...


class RandomPoints:
    """Draws them, each parameter from its own distribution."""

    def __init__(self, request: Request, halving: Halving) -> None:
        """Start from the finished and the active Trials, as if all had had one budget."""
        self._request = without_budget(request, halving)
        self._taken = Taken(self._request)
        self._rng = Random(request.seed)

    def draw(self) -> Row | None:
        """Return a point that was drawn."""
        row = self._propose() or draw_free_row(self._request.space, self._rng, self._taken)
        if row is not None:
            self._taken.add(row)
        return row

    def is_used_up(self) -> bool:
        """Tell whether the space is finite, and each of its points was tried or was just drawn."""
        return self._taken.is_everything()

    def _propose(self) -> Row | None:
        """Return a better point than one that is drawn, if there is one."""
        return None


@dataclass(frozen=True, slots=True)
class ModelKnobs:
    """The settings of the model as numbers."""

    random_fraction: float
    """The share of points that are drawn all the same."""
    min_points: int
    """Trials with an objective at one budget before which there is no model of it."""
    candidate_count: int


class ModelPoints(RandomPoints):
    """Asks the Parzen estimators of the largest budget that has enough results."""

    def __init__(self, request: Request, halving: Halving, knobs: ModelKnobs) -> None:
        super().__init__(request, halving)
        self._share = knobs.random_fraction
        self._proposer = _find_model(request, halving, knobs)

    def _propose(self) -> Row | None:
        if self._proposer is None or self._rng.random() < self._share:
            return None
        proposed = map(self._request.space.fill, islice(self._proposer.propose(), MAX_PROPOSALS))
        row = next((row for row in proposed if not self._taken.has(row)), None)
        if row is not None:
            self._proposer.add(row)
        return row


def _find_model(request: Request, halving: Halving, knobs: ModelKnobs) -> Proposer | None:
    settings = {"n_startup_trials": str(knobs.min_points), "n_ei_candidates": str(knobs.candidate_count)}
    for budget in _budgets(request, halving):
        seen = replace(without_budget(request, halving, budget=budget), settings=settings)
        proposer = MULTIVARIATE_TPE.proposer(seen)
        if proposer is not None:
            return proposer
    return None


def _budgets(request: Request, halving: Halving) -> Iterator[float]:
    """Yield the budgets that Trials have had, the largest first."""
    place = halving.place(request.space)
    yield from reversed(np.unique(request.history.rows[:, place]).tolist())


def without_budget(request: Request, halving: Halving, *, budget: float | None = None) -> Request:
    """Return the request with one value of the resource everywhere; of one budget only its results, if it is given."""
    place, space, history = halving.place(request.space), request.space, request.history
    axis = space.axes[place]
    fixed = replace(axis, high=axis.low)
    chosen = slice(None) if budget is None else history.rows[:, place] == budget
    rows = np.array(history.rows[chosen])
    rows[:, place] = axis.low
    seen = History.empty(len(space.axes), max(1, len(rows)))
    return replace(
        request,
        space=replace(space, axes=(*space.axes[:place], fixed, *space.axes[place + 1 :])),
        history=seen.extend(rows, history.values[chosen], history.last_seq, numbers=history.numbers[chosen]),
        pending=[(*row[:place], axis.low, *row[place + 1 :]) for row in request.pending],
    )
