"""Losses as a Gaussian process can learn from them: spread like a normal distribution, without NaN or infinity."""

import numpy as np
from scipy.special import ndtri

from functions.suggestion.history import Floats

MIN_DEVIATION = 1e-12
"""Below, all losses are equal but for rounding."""

MAX_LOSS = 1e300
"""Losses beyond count as this, so that differences stay finite."""

MAX_SHARE = 0.999
"""Of Trials that are better than the worst: it is three deviations above the median, however many Trials there are."""

POWERS = np.linspace(-2, 2, 41)[:, None]
"""Of the Yeo-Johnson transformation, of which the likeliest is taken; 1 changes nothing."""


def warp(losses: Floats) -> Floats:
    """Return losses of mean 0 and variance 1; failed Trials count as the worst of the others.

    Losses often rise by orders of magnitude away from the best, or crowd together near it. What is worse than the
    median counts by its rank alone, so that no outlier hides what the better half differs in; then a power of all is
    nearer to what a Gaussian process takes for granted.
    """
    finite = losses[np.isfinite(losses)]
    if not finite.size:
        return np.zeros_like(losses)
    values = np.nan_to_num(losses, nan=finite.max(), posinf=finite.max(), neginf=finite.min())
    values = np.clip(values, -MAX_LOSS, MAX_LOSS)
    values = (values - values.min()) / (np.ptp(values) or 1.0)
    return _standardize(_yeo_johnson(_standardize(_rank_worse_half(values))))


def _rank_worse_half(values: Floats) -> Floats:
    """Return the values with those above the median as far above it as if all were of a normal distribution.

    Its deviation is that of the better half. Golovin et al. (2017) warp the losses of Vizier so.
    """
    middle = np.sort(values)[(values.size - 1) // 2]  # the worst of the better half: between the halves may be a gap
    is_worse = values > middle
    deviation = np.sqrt(np.mean((values[~is_worse] - middle) ** 2))
    if deviation < MIN_DEVIATION:
        return values
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    shares = ((np.cumsum(counts) - counts / 2) / values.size)[places]
    above = middle + deviation * ndtri(np.clip(shares, 0.5, MAX_SHARE))
    ranked: Floats = np.where(is_worse, above, values)
    return ranked


def _standardize(values: Floats) -> Floats:
    deviation = values.std()
    scaled: Floats = (values - values.mean()) / (deviation if deviation > MIN_DEVIATION else 1.0)
    return scaled


def _yeo_johnson(values: Floats) -> Floats:
    """Return the values to the power with which they are likeliest to be of a normal distribution."""
    logs = np.log1p(np.abs(values))
    powers = np.where(values < 0, 2 - POWERS, POWERS)
    is_zero = np.abs(powers) < MIN_DEVIATION
    sizes = np.where(is_zero, logs, np.expm1(powers * logs) / np.where(is_zero, 1.0, powers))
    spread = np.copysign(sizes, values)
    variances = np.maximum(spread.var(axis=1), MIN_DEVIATION**2)
    slopes = (POWERS[:, 0] - 1) * np.copysign(logs, values).sum()
    likeliest: Floats = spread[np.argmax(slopes - values.size / 2 * np.log(variances))]
    return likeliest
