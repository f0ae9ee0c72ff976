"""Optuna's Parzen estimators on arrays: no Study, no FrozenTrial, and a cost that does not grow with the history.

It gives the suggestions of `optuna.samplers.TPESampler(seed=..., constant_liar=True)`, from the same random numbers,
as long as no Trial is left out. The estimator is private API of Optuna, which is pinned for that reason.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe import _truncnorm
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.sampler import default_gamma, default_weights

from events.search_space import ParameterType
from functions.suggestion.algorithms.interface import Request
from functions.suggestion.algorithms.log_ndtr import log_ndtr
from functions.suggestion.algorithms.tpe import Knobs
from functions.suggestion.axis import Axis
from functions.suggestion.conditions import Condition
from functions.suggestion.history import Floats
from functions.suggestion.search_space import Row, SearchSpace
from functions.suggestion.unit import from_unit, to_unit

MAX_ABOVE = 512
"""Poor Trials that make a kernel, the newest; and as many active ones. It bounds the cost of a suggestion. Old Trials
weigh little anyway: over 1,500 Trials of six parameters the best value was no worse than without the bound."""

MAX_BELOW = 25
"""Good Trials at most, as in Optuna and hyperopt."""

MAX_DRAWS = 4
"""Batches of candidates for one suggestion: only a small space that is nearly used up needs a second."""

MAX_CONSTRAINED_DRAWS = 40
"""As many where constraints forbid most of what is drawn."""

MAX_PLAIN = 1e100
MIN_PLAIN = 1e-100
"""Numbers beyond, and ranges below, are laid out evenly for Optuna's estimator."""

MIN_VECTORISED = 160
"""Values from which on numpy is faster than Optuna's own loop, measured."""

_loop_log_ndtr = _truncnorm._log_ndtr  # noqa: SLF001 - as below


def _log_ndtr(a: Floats) -> Floats:
    return log_ndtr(a) if a.size >= MIN_VECTORISED else _loop_log_ndtr(a)


# Optuna loops over the elements in Python, which is 70 % of the time of a suggestion. The values agree to 1e-13.
_truncnorm._log_ndtr = _log_ndtr  # noqa: SLF001 - the one function of its estimator that is slow


class ParzenProposer:
    """The two densities of every group of axes, good over poor; it proposes where their ratio is high."""

    def __init__(self, request: Request, knobs: Knobs, *, is_multivariate: bool) -> None:
        """Split the history. Axes with a single value take no part, as in Optuna."""
        self._space = request.space
        self._candidate_count = knobs.n_ei_candidates
        self._rng = np.random.RandomState(request.seed)
        below, above = split(request, knobs.gamma)
        self._even = [index for index, axis in enumerate(request.space.axes) if _is_even(axis)]
        self._poor, self._above = above, self._inside(above)
        good = self._inside(below)
        groups = _group(request.space, is_multivariate=is_multivariate)
        self._activities = [partial(_find_active, request.space, group[0][0]) for group in groups]
        self._groups = [
            _Group(group, good[is_active(below)], knobs.prior_weight)
            for group, is_active in zip(groups, self._activities, strict=True)
        ]

    def add(self, row: Row) -> None:
        """Count this suggestion as poor from now on (constant liar), so that a batch spreads."""
        self._poor = np.vstack([self._poor, np.array([row])])
        self._above = np.vstack([self._above, self._inside(np.array([row]))])

    def propose(self) -> Iterator[Row]:
        """Yield points, the most promising first. The first is Optuna's; the others serve where that one is taken."""
        for group, is_active in zip(self._groups, self._activities, strict=True):
            group.set_above(self._above[is_active(self._poor)])
        for _ in range(MAX_CONSTRAINED_DRAWS if self._space.constraints else MAX_DRAWS):
            columns: dict[int, Floats] = {}
            for group in self._groups:
                columns |= group.draw(self._rng, self._candidate_count)
            for place in range(self._candidate_count if columns else 0):
                yield self._row({index: float(column[place]) for index, column in columns.items()})

    def _row(self, values: dict[int, float]) -> Row:
        axes = enumerate(self._space.axes)
        return tuple(_value(axis, values[index]) if index in values else axis.low for index, axis in axes)

    def _inside(self, rows: Floats) -> Floats:
        """Return rows as the estimators take them: within the bounds, and some axes laid out evenly."""
        axes = self._space.axes
        inside = np.clip(rows, [axis.low for axis in axes], [axis.high for axis in axes])
        for index in self._even:
            inside[:, index] = [to_unit(axes[index], value) for value in inside[:, index].tolist()]
        return inside


class _Group:
    """Axes that are estimated together: all of them, or a single one."""

    def __init__(self, axes: Sequence[tuple[int, Axis]], below: Floats, prior_weight: float) -> None:
        """Estimate the good density, which holds for a whole batch."""
        self._indices = {axis.name: index for index, axis in axes}
        self._distributions = {axis.name: _distribution(axis) for _, axis in axes}
        self._parameters = _ParzenEstimatorParameters(
            prior_weight=prior_weight,
            consider_magic_clip=True,
            consider_endpoints=False,
            weights=default_weights,
            multivariate=True,
        )
        self._below = self._estimate(below)
        self._above = self._below

    def set_above(self, rows: Floats) -> None:
        """Estimate the poor density."""
        self._above = self._estimate(rows)

    def draw(self, rng: np.random.RandomState, count: int) -> dict[int, Floats]:
        """Return a column of values for each axis, by falling ratio of the densities."""
        samples = self._below.sample(rng, count)
        with np.errstate(divide="ignore", invalid="ignore"):  # a density that underflows is no candidate's fault
            ratio = self._below.log_pdf(samples) - self._above.log_pdf(samples)
        order = np.argsort(-ratio, kind="stable")
        return {index: samples[name][order] for name, index in self._indices.items()}

    def _estimate(self, rows: Floats) -> _ParzenEstimator:
        observations = {name: rows[:, index] for name, index in self._indices.items()}
        return _ParzenEstimator(observations, self._distributions, self._parameters)


def split(request: Request, gamma: float | None) -> tuple[Floats, Floats]:
    """Return the rows of the good Trials and of the poor ones, oldest first; those without objective are neither."""
    rows, losses = request.history.rows, request.history.values
    usable = np.flatnonzero(~np.isnan(losses))
    below = _find_smallest(losses[usable], _count_below(usable.size, gamma))
    is_above = np.ones(usable.size, dtype=np.bool_)
    is_above[below] = False
    above = rows[usable[np.flatnonzero(is_above)[-MAX_ABOVE:]]]
    pending = np.array(request.pending[-MAX_ABOVE:], dtype=np.float64).reshape(-1, rows.shape[1])
    return rows[usable[below]], np.vstack([above, pending])


def _count_below(count: int, gamma: float | None) -> int:
    """Return how many Trials are good: Optuna's tenth or, if `gamma` is set, hyperopt's gamma x sqrt(n)."""
    if gamma is None:
        return default_gamma(count)
    return min(math.ceil(gamma * math.sqrt(count)), MAX_BELOW)


def _find_smallest(losses: Floats, count: int) -> npt.NDArray[np.intp]:
    """Return the places of the smallest, the earlier of equals first chosen, in rising order."""
    if count == 0:
        return np.empty(0, dtype=np.intp)
    bound = np.partition(losses, count - 1)[count - 1]
    smaller = np.flatnonzero(losses < bound)
    equal = np.flatnonzero(losses == bound)[: count - smaller.size]
    return np.sort(np.concatenate([smaller, equal]))


def _find_active(space: SearchSpace, index: int, rows: Floats) -> npt.NDArray[np.bool_]:
    """Tell at which of these points an axis is active: only they say anything about it."""
    is_active = np.ones(len(rows), dtype=np.bool_)
    condition = space.conditions.at(index)
    while condition is not None:
        is_active &= np.isin(rows[:, condition.parent], list(condition.values))
        condition = space.conditions.at(condition.parent)
    return is_active


def _group(space: SearchSpace, *, is_multivariate: bool) -> list[list[tuple[int, Axis]]]:
    """Return the axes in the order in which Optuna draws them: by name together, as in the spec one by one.

    Those that are active at the same points are together, as in Optuna with `group=True`.
    """
    free = [(index, axis) for index, axis in enumerate(space.axes) if axis.size != 1]
    if not is_multivariate:
        return [[axis] for axis in free]
    together: dict[Condition | None, list[tuple[int, Axis]]] = {}
    for index, axis in sorted(free, key=lambda pair: pair[1].name):
        together.setdefault(space.conditions.at(index), []).append((index, axis))
    return list(together.values())


def _is_even(axis: Axis) -> bool:
    """Tell whether the estimators see an axis by its place in [0, 1].

    Optuna knows no normal distribution, its own prior is flat, and its sums overflow where doubles end.
    """
    is_extreme = max(abs(axis.low), abs(axis.high)) > MAX_PLAIN or axis.high - axis.low < MIN_PLAIN
    return axis.size != 1 and (axis.is_normal or is_extreme)


def _value(axis: Axis, drawn: float) -> float:
    return from_unit(axis, drawn) if _is_even(axis) else axis.snap(drawn)


def _distribution(axis: Axis) -> BaseDistribution:
    """Return Optuna's distribution. It has none that is logarithmic with a step: `snap` puts the values on the grid."""
    if _is_even(axis):
        return FloatDistribution(0.0, 1.0)
    if axis.choices and not axis.is_ordered:
        return CategoricalDistribution(axis.choices)
    if axis.choices:
        return IntDistribution(0, len(axis.choices) - 1)
    if axis.type == ParameterType.INT:
        make = partial(IntDistribution, int(axis.low), int(axis.high))
        return make(log=True) if axis.is_log else make(step=int(axis.step or 1))
    distribution = FloatDistribution(axis.low, axis.high, log=axis.is_log)
    if not axis.is_log:
        distribution.step = axis.step  # its constructor would doubt `high`, which is on the grid to the last digit
    return distribution
