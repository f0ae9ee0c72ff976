"""Losses as a Gaussian process can learn from them: of variance 1, without NaN, infinity or far outliers."""

import numpy as np

from functions.suggestion.history import Floats

MIN_DEVIATION = 1e-12
"""Below, all losses are equal but for rounding."""


def warp(losses: Floats) -> Floats:
    """Return losses of mean 0 and variance 1; failed Trials count as the worst of the others."""
    finite = losses[np.isfinite(losses)]
    if not finite.size:
        return np.zeros_like(losses)
    values = np.nan_to_num(losses, nan=finite.max(), posinf=finite.max(), neginf=finite.min())
    values = (values - finite.min()) / (np.ptp(finite) or 1.0)
    low, high = np.percentile(values, [25, 75])
    values = np.minimum(values, max(high + 1.5 * (high - low), 1e-9)) if high > low else values
    deviation = values.std()
    scaled: Floats = (values - values.mean()) / (deviation if deviation > MIN_DEVIATION else 1.0)
    return scaled
