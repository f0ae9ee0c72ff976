"""The points that need no second Trial, and those that no Trial may have."""

from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING

from functions.suggestion.algorithms.interface import Request
from functions.suggestion.search_space import Row, SearchSpace

if TYPE_CHECKING:
    from functions.suggestion.history import History

MAX_LISTED = 20_000
"""Points that are looked at one by one where constraints make counting impossible: about half a second."""


class Taken:
    """What is finished, active, or was suggested in this batch, and what breaks a constraint.

    Where the Experiment allows duplicates nothing is taken but what breaks a constraint.
    """

    def __init__(self, request: Request) -> None:
        """Start from the finished and the active Trials."""
        self._space = request.space
        self._is_free = request.allow_duplicates
        self._cardinality = None if self._is_free else request.space.cardinality
        self._history: History = request.history
        self._new = set(request.pending)
        self._is_hopeless = False
        self._has_found = False

    def has(self, row: Row) -> bool:
        """Tell whether this point is taken."""
        point = self._space.fill(row)
        if not self._is_free and (point in self._new or self._history.has(point)):
            return True
        return not self._space.allows(point)

    def add(self, row: Row) -> None:
        """Take this point."""
        self._new.add(self._space.fill(row))
        self._has_found = True

    def is_everything(self) -> bool:
        """Tell whether nothing is left to suggest; the points are counted only where there may be enough of them."""
        if self._is_hopeless and not self._has_found:
            return True
        total = _count_allowed(self._space) if self._cardinality is not None else None
        if total is None or len(self._history) + len(self._new) < total:
            return False
        return len(self._rows()) >= total

    def find_free_row(self, rng: Random) -> Row | None:
        """Return the first free point after a random one; None where there is none, or none was found in a long walk.

        Among one point more than are taken there is a free one, which bounds the walk by the Trials, not by the space.
        """
        total = self._space.cardinality
        if self._cardinality is None and not (total and self._space.constraints):
            self._is_hopeless = bool(self._space.constraints)
            return None
        assert total is not None
        rows, start = (set() if self._is_free else self._rows()), rng.randrange(total)
        length = min(total, MAX_LISTED if self._space.constraints else len(rows) + 1)
        walk = (self._space.row_at((start + offset) % total) for offset in range(length))
        found = next((row for row in walk if row not in rows and self._space.allows(row)), None)
        self._is_hopeless = found is None
        return found

    def _rows(self) -> set[Row]:
        return self._history.distinct_rows() | self._new


@lru_cache(64)
def _count_allowed(space: SearchSpace) -> int | None:
    """Return how many points there are that constraints allow; None where they are too many to be looked at."""
    total = space.cardinality
    if total is None or not space.constraints:
        return total
    return None if total > MAX_LISTED else sum(space.allows(space.row_at(index)) for index in range(total))
