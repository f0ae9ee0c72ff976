"""The logarithm of the normal distribution function for whole arrays, without scipy (0.3 s to import).

erf and erfc after W. J. Cody, "Rational Chebyshev approximation for the error function", Math. Comp. 23 (1969):
a quotient of polynomials on each of three ranges, to about 1e-16 relative.
"""

import math

import numpy as np

from functions.suggestion.history import Floats

_MIDDLE = 0.46875
_TAIL = 4.0

_ERF = (
    (
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
"""erf(y) / y in powers of y^2, below 0.46875."""

_ERFCX_MIDDLE = (
    (
        *(2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1),
        *(2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3),
        1.23033935479799725e3,
    ),
    (
        *(1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3),
        *(3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
    ),
)
"""exp(y^2) erfc(y) in powers of y, from there to 4."""

_ERFCX_TAIL = (
    (
        *(1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1),
        *(1.60837851487422766e-2, 6.58749161529837803e-4),
    ),
    (
        *(1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2),
        2.33520497626869185e-3,
    ),
)
"""(1 / sqrt(pi) - y exp(y^2) erfc(y)) y^2 in powers of 1 / y^2, above 4."""


def log_ndtr(a: Floats) -> Floats:
    """Return log of the probability that a standard normal variable is below a, in the shape of a."""
    flat = np.asarray(a, dtype=np.float64).ravel()
    y = np.abs(flat) * math.sqrt(0.5)
    result = np.empty_like(y)
    near = y < _MIDDLE
    result[near] = np.log(0.5 + 0.5 * np.copysign(_erf(y[near]), flat[near]))
    below, above = ~near & (flat < 0), ~near & (flat > 0)
    result[below] = np.log(0.5 * _erfcx(y[below])) - y[below] ** 2
    result[above] = np.log1p(-0.5 * _erfcx(y[above]) * np.exp(-(y[above] ** 2)))
    return result.reshape(np.shape(a))


def _erf(y: Floats) -> Floats:
    return y * _quotient(_ERF, y * y)


def _erfcx(y: Floats) -> Floats:
    result = np.empty_like(y)
    tail = y > _TAIL
    result[~tail] = _quotient(_ERFCX_MIDDLE, y[~tail])
    far = y[tail]
    inverse = 1.0 / (far * far)
    result[tail] = (math.sqrt(1 / math.pi) - inverse * _quotient(_ERFCX_TAIL, inverse)) / far
    return result


def _quotient(polynomials: tuple[tuple[float, ...], tuple[float, ...]], y: Floats) -> Floats:
    numerator, denominator = (_horner(coefficients, y) for coefficients in polynomials)
    return numerator / denominator


def _horner(coefficients: tuple[float, ...], y: Floats) -> Floats:
    value = np.full_like(y, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= y
        value += coefficient
    return value
