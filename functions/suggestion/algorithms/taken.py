"""The points that need no second Trial."""

from random import Random
from typing import TYPE_CHECKING

from functions.suggestion.algorithms.interface import Request
from functions.suggestion.search_space import Row

if TYPE_CHECKING:
    from functions.suggestion.history import History


class Taken:
    """What is finished, active, or was suggested in this batch; nothing where the Experiment allows duplicates."""

    def __init__(self, request: Request) -> None:
        """Start from the finished and the active Trials."""
        self._space = request.space
        self._is_free = request.allow_duplicates
        self._cardinality = None if self._is_free else request.space.cardinality
        self._history: History = request.history
        self._new = set(request.pending)

    def has(self, row: Row) -> bool:
        """Tell whether this point is taken."""
        if self._is_free:
            return False
        point = self._space.fill(row)
        return point in self._new or self._history.has(point)

    def add(self, row: Row) -> None:
        """Take this point."""
        self._new.add(self._space.fill(row))

    def is_everything(self) -> bool:
        """Tell whether the space is used up; the points are counted only where there may be enough of them."""
        if self._cardinality is None or len(self._history) + len(self._new) < self._cardinality:
            return False
        return len(self._rows()) >= self._cardinality

    def find_free_row(self, rng: Random) -> Row | None:
        """Return the first free point after a random one; None where there is none.

        Among one point more than are taken there is a free one, which bounds the walk by the Trials, not by the space.
        """
        if self._cardinality is None or self.is_everything():
            return None
        rows, start = self._rows(), rng.randrange(self._cardinality)
        walk = (self._space.row_at((start + offset) % self._cardinality) for offset in range(len(rows) + 1))
        return next(row for row in walk if row not in rows)

    def _rows(self) -> set[Row]:
        return self._history.distinct_rows() | self._new
