"""Where to look when nothing better comes any more: at the other choices of a list, each for a while."""

from dataclasses import dataclass

import numpy as np

from functions.suggestion.algorithms.cube import Cube
from functions.suggestion.history import Floats

MIN_PATIENCE = 20
PATIENCE_SHARE = 0.25
LEAST_GAIN = 0.02
"""A search is stuck if its newest quarter has brought no such share of what the best is below the median."""

STAY = 16
"""Trials for which it looks at the same choice: what is best with it takes some to find."""


@dataclass(frozen=True, slots=True)
class Region:
    """The points of a cube that have this choice in this column."""

    column: int
    choice: int

    def move(self, points: Floats, cube: Cube) -> Floats:
        """Move points into it, in place, and return them."""
        points[:, self.column] = self.choice
        return cube.snap(points)


def is_stuck(losses: Floats) -> bool:
    """Tell whether the newest Trials have brought nothing to speak of."""
    finite = losses[np.isfinite(losses)]
    newest = max(MIN_PATIENCE, int(finite.size * PATIENCE_SHARE))
    if finite.size < newest + MIN_PATIENCE // 2:
        return False
    best = finite.min()
    return bool(finite[:-newest].min() - best < LEAST_GAIN * (np.median(finite) - best))


def find_region(cube: Cube, best: Floats, finished_count: int) -> Region | None:
    """Return one with another choice than the best point, the same for a while; None where there is no such list."""
    columns = np.flatnonzero(cube.is_unordered)
    if not columns.size:
        return None
    rng = np.random.default_rng(finished_count // STAY)
    column = int(rng.choice(columns))
    others = np.delete(np.arange(cube.choice_counts[column]), int(best[column]))
    return Region(column, int(rng.choice(others)))
