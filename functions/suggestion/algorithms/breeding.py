"""Parents and children of NSGA: which Trials are kept, and how two of them make a new point."""

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt

from events.resource import Manifest
from functions.suggestion.algorithms.cube import Cube
from functions.suggestion.algorithms.fronts import Ints, rank
from functions.suggestion.algorithms.interface import Request
from functions.suggestion.history import Floats, History
from functions.suggestion.search_space import Row

CROSSOVER_PROBABILITY = 0.9
"""Deb's and Optuna's; a child of one parent is only mutated."""

HALF = 0.5
"""Of the chances: one parent or the other, more or less."""

CROSSOVER_INDEX = 15.0
MUTATION_INDEX = 20.0
"""How close children stay to their parents, in Deb's distributions."""

DIVISIONS = {2: 49, 3: 8, 4: 5, 5: 4}
"""Of each objective's range, for about fifty reference points; three divisions where there are more objectives."""


def select_parents(request: Request, size: int, *, has_reference_points: bool) -> Ints:
    """Return which Trials of the history are parents: the best of the last parents and all that is new since."""
    history = request.history
    candidates = _find_candidates(history, request.state)
    losses = history.losses[candidates]
    is_usable = ~np.isnan(losses).any(axis=1)
    candidates, losses = candidates[is_usable], losses[is_usable]
    if len(candidates) <= size:
        return candidates
    ranks = rank(losses, history.violations[candidates], size)
    order = np.argsort(ranks, kind="stable")
    last = ranks[order[size - 1]]
    chosen, split = np.flatnonzero(ranks < last), np.flatnonzero(ranks == last)
    wanted = size - len(chosen)
    if has_reference_points:
        rng = np.random.default_rng(request.seed)
        best = _fill_niches(losses, chosen, split, wanted, rng)
    else:
        best = split[np.argsort(-crowding(losses[split]), kind="stable")[:wanted]]
    parents: Ints = candidates[np.sort(np.concatenate([chosen, best]))]
    return parents


def remember_parents(history: History, parents: Ints) -> Manifest:
    """Return what to keep: own Trials by the place of their finish, what was known before them by its own place.

    So both stay what they are where an earlier Experiment is deleted and less is known before the first Trial.
    """
    begin = history.prior_count
    own, prior = parents[parents >= begin] - begin, parents[parents < begin]
    seen = len(history) - begin
    return {"seen": seen, "parents": own.tolist(), "priors": begin, "prior_parents": prior.tolist()}


def _find_candidates(history: History, state: Manifest | None) -> Ints:
    """Return the last parents and all that is new since; where other things were known before, all of those again."""
    begin, seen = history.prior_count, (state or {}).get("seen")
    if state is None or "priors" not in state or not isinstance(seen, int):
        return np.arange(len(history), dtype=np.intp)
    priors = _places(state, "prior_parents") if state["priors"] == begin else range(begin)
    own = [begin + place for place in _places(state, "parents")]
    return np.array([*priors, *own, *range(begin + seen, len(history))], dtype=np.intp)


def _places(state: Manifest, name: str) -> list[int]:
    kept = state.get(name)
    return [int(str(place)) for place in kept] if isinstance(kept, list) else []


def crowding(losses: Floats) -> Floats:
    """Return how far the neighbours of each point of a front are from each other; the ends are infinitely far."""
    distances = np.zeros(len(losses))
    for column in np.clip(losses, -1e300, 1e300).T:
        order = np.argsort(column, kind="stable")
        extent = column[order[-1]] - column[order[0]] or 1.0
        distances[order[[0, -1]]] = math.inf
        distances[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / extent
    return distances


def reference_points(count: int) -> Floats:
    """Return Das and Dennis' points: all ways to share a number of divisions among the objectives."""
    divisions = DIVISIONS.get(count, 3)
    bars = combinations(range(divisions + count - 1), count - 1)
    shares = [np.diff([-1, *bar, divisions + count - 1]) - 1 for bar in bars]
    return np.array(shares, dtype=np.float64) / divisions


def _fill_niches(losses: Floats, chosen: Ints, split: Ints, wanted: int, rng: np.random.Generator) -> Ints:
    """Return so many of a split front, from the directions in which there are fewest parents."""
    together = np.concatenate([chosen, split])
    points = np.clip(losses[together], -1e300, 1e300)
    points = (points - points.min(axis=0)) / np.maximum(np.ptp(points, axis=0), 1e-300)
    directions = reference_points(losses.shape[1])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    along = points @ directions.T
    distances = np.sqrt(np.maximum((points**2).sum(axis=1)[:, None] - along**2, 0.0))
    niche, distance = distances.argmin(axis=1), distances.min(axis=1)
    counts = np.bincount(niche[: len(chosen)], minlength=len(directions))
    free = list(range(len(chosen), len(together)))
    picked: list[int] = []
    while len(picked) < wanted:
        fewest = min(counts[niche[place]] for place in free)
        thin = sorted({int(niche[place]) for place in free if counts[niche[place]] == fewest})
        direction = thin[rng.integers(len(thin))]
        near = [place for place in free if niche[place] == direction]
        place = min(near, key=distance.__getitem__) if fewest == 0 else near[rng.integers(len(near))]
        free.remove(place)
        picked.append(place)
        counts[direction] += 1
    best: Ints = together[picked]
    return best


class Breeder:
    """Draws two parents, crosses them axis by axis and mutates the child."""

    def __init__(self, request: Request, parents: Ints) -> None:
        """Rank the parents: the better of two that are drawn becomes one."""
        self._cube = Cube(request.space)
        self._rng = np.random.default_rng(request.seed)
        settings = request.settings
        self._crossover = float(settings.get("crossover_prob") or CROSSOVER_PROBABILITY)
        self._mutation = float(settings.get("mutation_prob") or 1 / max(1, self._cube.width))
        losses = request.history.losses[parents]
        self._points = self._cube.encode(request.history.rows[parents])
        self._ranks = rank(losses, request.history.violations[parents], len(parents))
        self._room = crowding(losses)

    def add(self, row: Row) -> None:
        """Do nothing: a child is no parent before its result is known."""

    def propose(self) -> Iterator[Row]:
        """Yield children for ever."""
        while True:
            child = self._cross(self._points[self._draw_parent()], self._points[self._draw_parent()])
            yield self._cube.decode(self._cube.snap(self._mutate(child)[None])[0])

    def _draw_parent(self) -> int:
        one, other = (int(place) for place in self._rng.integers(len(self._points), size=2))
        return min(one, other, key=lambda place: (self._ranks[place], -self._room[place]))

    def _cross(self, one: Floats, other: Floats) -> Floats:
        """Return a child near one parent or between both (Deb's simulated binary crossover); choices from either."""
        if self._rng.random() >= self._crossover:
            return one.copy()
        draws = self._rng.random(len(one))
        spread = np.where(draws <= HALF, 2 * draws, 1 / (2 * (1 - draws))) ** (1 / (CROSSOVER_INDEX + 1))
        side = np.where(self._rng.random(len(one)) < HALF, 1.0, -1.0)
        mixed = ((1 + side * spread) * one + (1 - side * spread) * other) / 2
        is_swapped = self._rng.random(len(one)) < HALF
        child: Floats = np.where(self._cube.is_unordered, np.where(is_swapped, other, one), np.clip(mixed, 0, 1))
        return child

    def _mutate(self, child: Floats) -> Floats:
        """Move some columns a little (Deb's polynomial mutation), and draw choices anew."""
        draws = self._rng.random(len(child))
        power = 1 / (MUTATION_INDEX + 1)
        step = np.where(draws < HALF, (2 * draws) ** power - 1, 1 - (2 * (1 - draws)) ** power)
        fresh = self._cube.draw(self._rng, 1)[0]
        moved = np.where(self._cube.is_unordered, fresh, np.clip(child + step, 0, 1))
        is_moved: npt.NDArray[np.bool_] = self._rng.random(len(child)) < self._mutation
        mutated: Floats = np.where(is_moved, moved, child)
        return mutated
