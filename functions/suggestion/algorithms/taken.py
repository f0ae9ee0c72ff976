"""The points that need no second Trial, and those that no Trial may have."""

from collections.abc import Iterator
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING

from functions.suggestion.algorithms.interface import Request
from functions.suggestion.search_space import Row, SearchSpace

if TYPE_CHECKING:
    from functions.suggestion.history import History

MAX_REDRAWS = 100
"""A space that is half used up fails so often once in 2^100; after that the free points are looked for in order."""

MAX_CONSTRAINED_REDRAWS = 10_000
"""A batch that finds nothing ends the search: where constraints leave one point in a thousand that happens once in
20,000 times. That many take about 0.1 s, more where a constraint is long. What a batch lacks is asked for again."""

REDRAWS_PER_POINT = 10
"""For large batches, so that their points are drawn as long as one in ten is free. All are for a batch together."""

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
        self._walk: Iterator[Row] | None = None
        least = MAX_CONSTRAINED_REDRAWS if request.space.constraints else MAX_REDRAWS
        self.redraws_left = max(least, REDRAWS_PER_POINT * request.count)

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
        """Return the first free point after a random one; None where there is none left, or none is found.

        The next one is looked for from there on: what was passed over in this batch is not looked at again. Among one
        point more than are taken there is a free one, which bounds the walk by the Trials, not by the space; a space
        without steps is not walked, and whoever comes here has drawn often enough to call it used up.
        """
        if self._walk is None:
            self._walk = self._untried(rng)
        is_free = self._is_free
        free = (row for row in self._walk if (is_free or row not in self._new) and self._space.allows(row))
        found = next(free, None)
        self._is_hopeless = found is None
        return found

    def _untried(self, rng: Random) -> Iterator[Row]:
        """Yield the points of a finite space that no finished Trial had, from a random one on."""
        total = self._space.cardinality
        if total is None:
            return
        tried = set() if self._is_free else self._history.distinct_rows()
        start = rng.randrange(total)
        for offset in range(min(total, MAX_LISTED) if self._space.constraints else total):
            row = self._space.row_at((start + offset) % total)
            if row not in tried:
                yield row

    def _rows(self) -> set[Row]:
        return self._history.distinct_rows() | self._new


@lru_cache(64)
def _count_allowed(space: SearchSpace) -> int | None:
    """Return how many points there are that constraints allow; None where they are too many to be looked at."""
    total = space.cardinality
    if total is None or not space.constraints:
        return total
    return None if total > MAX_LISTED else sum(space.allows(space.row_at(index)) for index in range(total))
