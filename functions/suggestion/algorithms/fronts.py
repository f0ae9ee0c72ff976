"""Which Trials are good where there are several objectives or constraints on metrics: one number for each.

Optuna's ranks: by domination, what breaks constraints after all that does not; in the front that is split, those that
cover most volume together.
"""

import numpy as np
import numpy.typing as npt
from optuna._hypervolume.hssp import _solve_hssp
from optuna.samplers._tpe.sampler import default_gamma
from optuna.study._multi_objective import _fast_non_domination_rank

from functions.suggestion.history import Floats, History

Ints = npt.NDArray[np.intp]

REFERENCE_MARGIN = 1.1
"""Optuna's: the volume is measured from a little beyond the worst of each objective."""

WORST_SHARE = 0.1
"""How much worse than the worst of the others a Trial counts that just breaks a constraint, of their range."""


def rank(losses: Floats, violations: Floats, count: int) -> Ints:
    """Return the number of each Trial's front; beyond the first `count` Trials it is only known to be greater."""
    return np.asarray(_fast_non_domination_rank(losses, penalty=violations, n_below=max(1, count)), dtype=np.intp)


def score(history: History) -> Floats:
    """Return one loss for each Trial, so that samplers of one objective without constraints can search."""
    losses, violations = history.losses, history.violations
    is_usable = ~np.isnan(losses).any(axis=1)
    scores = np.full(len(losses), np.nan)
    if losses.shape[1] == 1:
        scores[is_usable] = penalise(losses[is_usable, 0], violations[is_usable])
    else:
        scores[is_usable] = _order(losses[is_usable], violations[is_usable])
    return scores


def penalise(losses: Floats, violations: Floats) -> Floats:
    """Return the losses with what breaks a constraint worse than all that does not, and the more the further."""
    is_broken = violations > 0
    if not is_broken.any():
        return losses
    kept = losses[~is_broken & np.isfinite(losses)]
    top = float(kept.max()) if kept.size else 0.0
    extent = float(np.ptp(kept)) if kept.size else 1.0
    known = violations[is_broken & np.isfinite(violations)]
    most = float(known.max()) if known.size else 1.0
    share = np.where(np.isfinite(violations), violations / most, 2.0)
    worse: Floats = np.where(is_broken, top + (extent or 1.0) * (WORST_SHARE + share), losses)
    return worse


def _order(losses: Floats, violations: Floats) -> Floats:
    """Return places: the good Trials in the order of their fronts, then the others by front."""
    count = default_gamma(len(losses))
    if not count:
        return np.zeros(len(losses))
    ranks = rank(losses, violations, count)
    places = ranks.astype(np.float64) + count
    order = np.argsort(ranks, kind="stable")
    last = ranks[order[count - 1]]
    best = order[:count][ranks[order[:count]] < last]
    split = np.flatnonzero(ranks == last)
    chosen = np.concatenate([best, _most_volume(losses, split, count - len(best))])
    places[chosen] = np.arange(len(chosen))
    return places


def _most_volume(losses: Floats, split: Ints, count: int) -> Ints:
    """Return so many Trials of one front that cover the most together."""
    points = np.clip(losses[split], -1e300, 1e300)
    worst = points.max(axis=0)
    reference = np.maximum(REFERENCE_MARGIN * worst, (2 - REFERENCE_MARGIN) * worst)
    reference[reference == 0] = 1e-12
    return np.asarray(_solve_hssp(points, split, count, reference), dtype=np.intp)
