"""How a model's proposals become suggestions: the first that is free, or one drawn at random."""

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Protocol

from functions.suggestion.algorithms.drawing import draw_free_row
from functions.suggestion.algorithms.interface import Answer, Request, Suggested
from functions.suggestion.algorithms.sobol import sobol_row
from functions.suggestion.algorithms.taken import Taken
from functions.suggestion.search_space import Row
from functions.suggestion.unit import from_unit

MAX_PROPOSALS = 100
"""Proposals of a batch passed over because they are taken: in a small space nearly used up all good ones may be."""

MAX_CONSTRAINED_PROPOSALS = 1_000
"""As many where constraints forbid most of what a model proposes, which knows nothing of them."""

MIN_PROPOSALS = 10
"""Looked at for each suggestion all the same: a batch that began badly may go on better."""

MIDDLE = 0.5


class Proposer(Protocol):
    """What proposes points, and learns which of them was suggested."""

    def propose(self) -> Iterator[Row]:
        """Yield points, the most promising first; they may be taken."""
        ...

    def add(self, row: Row) -> None:
        """Learn that this point is suggested, whoever proposed it."""
        ...


class QuasiRandom:
    """Proposes evenly spread points, by the number of the Trial: what to begin with."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._index = request.first_number - 1

    def propose(self) -> Iterator[Row]:
        """Yield the point of this number; another one is left to chance."""
        yield sobol_row(self._request.space, self._index, self._request.experiment_seed)

    def add(self, row: Row) -> None:  # noqa: ARG002 - whichever it was
        """Go on to the next number."""
        self._index += 1


class MiddleFirst(QuasiRandom):
    """Proposes the middle of every range first, and the first choice of every list without order.

    That is where people put what is likely to be good, and the spread points alone may all be far from it.
    """

    def propose(self) -> Iterator[Row]:
        """Yield the middle for the first Trial of all."""
        if self._index == 0:
            axes = self._request.space.axes
            yield tuple(from_unit(axis, MIDDLE) if axis.is_ordered else axis.low for axis in axes)
        yield from super().propose()


def answer_by(request: Request, proposer: Proposer | None) -> Answer:
    """Suggest what this proposes, at random where there is no proposer or nothing of it is free."""
    taken, rng, rows = Taken(request), Random(request.seed), []
    left = MAX_CONSTRAINED_PROPOSALS if request.space.constraints else MAX_PROPOSALS
    for _ in range(request.count):
        row, passed = _pick(request, proposer, taken, max(left, MIN_PROPOSALS))
        left -= passed
        row = row or draw_free_row(request.space, rng, taken)
        if row is None:
            break
        taken.add(row)
        if proposer:
            proposer.add(row)
        rows.append(row)
    return Answer(tuple(map(Suggested, rows)), is_end=taken.is_everything())


def _pick(request: Request, proposer: Proposer | None, taken: Taken, most: int) -> tuple[Row | None, int]:
    """Return the first of so many proposals that is free, and how many were passed over."""
    if proposer is None:
        return None, 0
    for passed, row in enumerate(map(request.space.fill, islice(proposer.propose(), most))):
        if not taken.has(row):
            return row, passed
    return None, most
