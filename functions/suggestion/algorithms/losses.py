"""Losses as a Gaussian process can learn from them: spread like a normal distribution, without NaN or infinity."""

import numpy as np

from functions.suggestion.history import Floats

MIN_DEVIATION = 1e-12
"""Below, all losses are equal but for rounding."""

MAX_LOSS = 1e300
"""Losses beyond count as this, so that differences stay finite."""

POWERS = np.linspace(-2, 2, 41)[:, None]
"""Of the Yeo-Johnson transformation, of which the likeliest is taken; 1 changes nothing."""


def warp(losses: Floats) -> Floats:
    """Return losses of mean 0 and variance 1; failed Trials count as the worst of the others.

    Losses often rise by orders of magnitude away from the best, or crowd together near it. A power of them is nearer to
    what a Gaussian process takes for granted, and no far outlier rules it.
    """
    finite = losses[np.isfinite(losses)]
    if not finite.size:
        return np.zeros_like(losses)
    values = np.nan_to_num(losses, nan=finite.max(), posinf=finite.max(), neginf=finite.min())
    values = np.clip(values, -MAX_LOSS, MAX_LOSS)
    values = (values - values.min()) / (np.ptp(values) or 1.0)
    return _standardize(_yeo_johnson(_standardize(values)))


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
