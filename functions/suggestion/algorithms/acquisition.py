"""Where to look next: points of a Gaussian process by what they promise."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import erfcx, log_ndtr

from functions.suggestion.algorithms.cube import Cube
from functions.suggestion.algorithms.elsewhere import Region, find_region, is_stuck
from functions.suggestion.algorithms.gaussian_process import GaussianProcess, fit_kernel
from functions.suggestion.algorithms.interface import Request
from functions.suggestion.algorithms.kernel import Kernel
from functions.suggestion.algorithms.kernel_layout import Layout
from functions.suggestion.algorithms.losses import warp
from functions.suggestion.history import Floats
from functions.suggestion.search_space import Row

MIN_POINTS, MAX_POINTS = 250, 500
COVARIANCES = 4_500
"""Trials that the process is made of: half the best, half the newest; the fewer the more parts the kernel has, since a
candidate costs a covariance with each of them in each part."""

MAX_FITTED_POINTS = 256
FITTED_COVARIANCES = 400_000
"""Trials that its kernel is fitted to, which takes dozens of matrices of all their pairs in each part of the kernel,
and a slope along each axis."""

FITS_PER_DOUBLING = 12
"""The kernel is fitted anew after so many more Trials that the count has grown by a twelfth."""

RANDOM_COUNT = 1_000
LOCAL_COUNT = 60
BEST_COUNT = 3
"""Candidates: everywhere, and around the best Trials."""

REFINEMENTS = (0.08, 0.03, 0.01, 0.003)
REFINED_COUNT = 5
REFINING_COUNT = 40
"""Then, by `auto`, the most promising ones are disturbed, less and less."""

SLOPE_STEP = 1e-6
CLIMB_ITERATIONS = 20
"""Of L-BFGS from the best of them, whose slopes are differences: all of a point's are computed at once."""

LCB_DEVIATIONS = 1.96
"""The weight of uncertainty in the lower confidence bound, as in scikit-optimize."""

Acquisition = Callable[[Floats, Floats, float], Floats]
"""What points promise, from mean, standard deviation, and the best value so far: more is better."""


def log_expected_improvement(mean: Floats, deviation: Floats, best: float) -> Floats:
    """Return the logarithm, which still has a slope where the improvement itself underflows."""
    u = (best - mean) / deviation
    near = u > -1.0
    result = np.empty_like(u)
    a = u[near]
    result[near] = np.log(np.exp(-0.5 * a * a) / math.sqrt(2 * math.pi) + a * np.exp(log_ndtr(a)))
    b = -u[~near]
    tail = -np.expm1(np.log(b * erfcx(b / math.sqrt(2))) + 0.5 * math.log(math.pi / 2))
    result[~near] = -0.5 * b * b - 0.5 * math.log(2 * math.pi) + np.log(np.maximum(tail, 1e-300))
    return result + np.log(deviation)


def log_probability_of_improvement(mean: Floats, deviation: Floats, best: float) -> Floats:
    """Return the logarithm of the chance to be better than the best."""
    result: Floats = log_ndtr((best - mean) / deviation)
    return result


def lower_confidence_bound(mean: Floats, deviation: Floats, best: float) -> Floats:  # noqa: ARG001 - one signature
    """Return how low the function may well be, negated."""
    return LCB_DEVIATIONS * deviation - mean


ACQUISITIONS: Final[Mapping[str, Acquisition]] = {
    "EI": log_expected_improvement,
    "LCB": lower_confidence_bound,
    "PI": log_probability_of_improvement,
}


class GaussianProposer:
    """A Gaussian process of the finished Trials in which the active ones turned out as expected."""

    def __init__(self, request: Request, acquisition: str = "EI", optimizer: str = "auto") -> None:
        self._cube = Cube(request.space)
        self._rng = np.random.default_rng(request.seed)
        self._acquisition = acquisition
        self._optimizer = optimizer
        losses = request.history.values
        self._count, self._is_stuck = len(losses), is_stuck(losses)
        kernel = _kernel(self._cube, request.history.rows[: _fit_count(len(losses))], losses[: _fit_count(len(losses))])
        chosen = choose(losses, _count_points(self._cube.width))
        points = self._cube.encode(request.history.rows[chosen])
        self._process = GaussianProcess(kernel, points, warp(losses[chosen]))
        self._best_points = points[np.argsort(self._process.values, kind="stable")[:BEST_COUNT]]
        if request.pending:
            self.believe(self._cube.encode(np.array(request.pending[-MAX_POINTS:])))

    def believe(self, points: Floats) -> None:
        """Count these points as evaluated, with the result that is expected of them."""
        self._process = self._process.believe(points)

    def add(self, row: Row) -> None:
        """Count this suggestion."""
        self.believe(self._cube.encode(np.array([row])))

    def find_elsewhere(self) -> Region | None:
        """Return where the best is not, if nothing better has come of late."""
        return find_region(self._cube, self._best_points[0], self._count) if self._is_stuck else None

    def propose(self, region: Region | None = None) -> Iterator[Row]:
        """Yield points, the most promising first; of a region, if one is given."""
        cube, rng = self._cube, self._rng

        def within(points: Floats) -> Floats:
            return region.move(points, cube) if region else points

        acquire = self._pick_acquisition()
        near = [cube.disturb(self._best_points, rng, LOCAL_COUNT, deviation) for deviation in (0.1, 0.02)]
        candidates = within(np.vstack([cube.draw(rng, RANDOM_COUNT), *near]))
        promise = self._promise(candidates, acquire)
        for deviation in REFINEMENTS if self._optimizer == "auto" else ():
            best = np.argsort(-promise, kind="stable")[:REFINED_COUNT]
            disturbed = within(cube.disturb(candidates[best], rng, REFINING_COUNT, deviation))
            promise = np.concatenate([promise[best], self._promise(disturbed, acquire)])
            candidates = np.vstack([candidates[best], disturbed])
        if self._optimizer != "sampling":
            climbed = self._climb(candidates[np.argmax(promise)], acquire)
            candidates = np.vstack([candidates, climbed])
            promise = np.concatenate([promise, self._promise(climbed, acquire)])
        for index in np.argsort(-promise, kind="stable"):
            yield cube.decode(candidates[index])

    def _pick_acquisition(self) -> Acquisition:
        """Return the function of this name; gp_hedge draws lots among all."""
        names = list(ACQUISITIONS) if self._acquisition == "gp_hedge" else [self._acquisition]
        return ACQUISITIONS[names[self._rng.integers(len(names))]]

    def _climb(self, start: Floats, acquire: Acquisition) -> Floats:
        """Return where L-BFGS gets from this point along the ordered axes, as the only row."""
        columns = np.flatnonzero(~self._cube.is_unordered)
        if not columns.size:
            return start[None]
        steps = np.vstack([np.zeros(columns.size), SLOPE_STEP * np.eye(columns.size)])

        def descend(place: Floats) -> tuple[float, Floats]:
            points = np.tile(start, (len(steps), 1))
            points[:, columns] = place + steps
            here, *there = -self._promise(points, acquire)
            return float(here), (np.array(there) - here) / SLOPE_STEP

        bounds = [(0.0, 1.0)] * columns.size
        options = {"maxiter": CLIMB_ITERATIONS}
        found = minimize(descend, start[columns], jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        end = start.copy()
        end[columns] = np.clip(found.x, 0.0, 1.0)
        return self._cube.snap(end[None])

    def _promise(self, points: Floats, acquire: Acquisition) -> Floats:
        mean, deviation = self._process.predict(points)
        return acquire(mean, deviation, float(self._process.values.min()))


def choose(losses: Floats, count: int) -> npt.NDArray[np.intp]:
    """Return which Trials to look at where there are too many: half of them the best, half the newest; oldest first."""
    if len(losses) <= count:
        return np.arange(len(losses))
    newest = np.arange(len(losses) - count // 2, len(losses))
    older = np.argsort(losses[: newest[0]], kind="stable")[: count - len(newest)]  # NaN comes last
    return np.sort(np.concatenate([older, newest]))


def _count_points(width: int) -> int:
    return min(max(MIN_POINTS, COVARIANCES // len(Layout.of(width).parts)), MAX_POINTS)


def _count_fitted(width: int) -> int:
    return min(math.isqrt(FITTED_COVARIANCES // (len(Layout.of(width).parts) + width // 4)), MAX_FITTED_POINTS)


def _fit_count(count: int) -> int:
    """Return to how many of the first Trials the kernel is fitted: the same for a while, so that it is kept."""
    return count - count % max(1, count // FITS_PER_DOUBLING)


def _kernel(cube: Cube, rows: Floats, losses: Floats) -> Kernel:
    chosen = choose(losses, _count_fitted(cube.width))
    points, values = cube.encode(rows[chosen]), warp(losses[chosen])
    return _fit(points.tobytes(), values.tobytes(), cube.is_unordered.tobytes())


@lru_cache(256)
def _fit(points: bytes, values: bytes, is_unordered: bytes) -> Kernel:
    """Fit once for the same Trials: a process that does not remember it gets the same."""
    flags = np.frombuffer(is_unordered, dtype=np.bool_)
    return fit_kernel(np.frombuffer(points).reshape(-1, flags.size), np.frombuffer(values), flags)
