"""A Gaussian process in numpy and scipy: Matérn 5/2 with a length for every axis, fitted by maximum a posteriori."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize

from functions.suggestion.history import Floats

MAX_ITERATIONS = 25
"""Steps of the fit: the likelihood is flat by then, and each costs a Cholesky decomposition."""

JITTER = 1e-8
"""Added to the noise, so that equal points leave the matrix positive definite."""

_ROOT5 = math.sqrt(5.0)
_INVALID = 1e10
"""What the fit gets for parameters that make the matrix singular."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Weights (an inverse squared length an axis), amplitude and noise, all as logarithms in one vector."""

    theta: Floats
    is_unordered: npt.NDArray[np.bool_]
    """Axes whose values are equal or not, and never near."""

    @classmethod
    def prior(cls, is_unordered: npt.NDArray[np.bool_]) -> Self:
        """Return what is likeliest before anything is known: lengths that grow with the square root of the axes."""
        return cls(np.append(_prior_mean(is_unordered.size), (0.0, -5.0)), is_unordered)

    @property
    def noise(self) -> float:
        """The variance of an observation around the function."""
        return math.exp(self.theta[-1]) + JITTER

    @property
    def amplitude(self) -> float:
        """The variance of the function."""
        return math.exp(self.theta[-2])

    def __call__(self, left: Floats, right: Floats) -> Floats:
        """Return the covariance of every point of one set with every point of the other."""
        weights, ordered = np.exp(self.theta[:-2]), ~self.is_unordered
        roots = np.sqrt(weights[ordered])
        a, b = left[:, ordered] * roots, right[:, ordered] * roots
        squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T
        for axis in np.flatnonzero(self.is_unordered):
            squares += weights[axis] * (left[:, axis, None] != right[None, :, axis])
        r = np.sqrt(np.maximum(squares, 0.0))
        covariance: Floats = self.amplitude * (1 + _ROOT5 * r + 5 / 3 * r * r) * np.exp(-_ROOT5 * r)
        return covariance


@dataclass(frozen=True)
class GaussianProcess:
    """The posterior after these points."""

    kernel: Kernel
    points: Floats
    values: Floats

    @cached_property
    def _factor(self) -> Floats:
        covariance = self.kernel(self.points, self.points)
        covariance.flat[:: len(covariance) + 1] += self.kernel.noise
        return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)

    @cached_property
    def _weights(self) -> Floats:
        weights: Floats = cho_solve((self._factor, True), self.values)
        return weights

    def predict(self, points: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of the function at these points."""
        cross = self.kernel(points, self.points)
        solved = solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        variance = self.kernel.amplitude - np.einsum("ij,ij->j", solved, solved)
        return cross @ self._weights, np.sqrt(np.maximum(variance, 1e-12))

    def believe(self, points: Floats) -> "GaussianProcess":
        """Return the posterior if these points had turned out as expected (kriging believer)."""
        means, _ = self.predict(points)
        return GaussianProcess(self.kernel, np.vstack([self.points, points]), np.concatenate([self.values, means]))


def fit_kernel(points: Floats, values: Floats, is_unordered: npt.NDArray[np.bool_]) -> Kernel:
    """Return the likeliest kernel; the values should have mean 0 and variance 1."""
    likelihood = _Likelihood(points, values, is_unordered)
    width = is_unordered.size
    starts = (Kernel.prior(is_unordered).theta, np.append(np.full(width, 1.0), (0.0, -4.0)))
    bounds = [(-7.0, 7.0)] * width + [(-4.0, 4.0), (-13.0, 1.0)]
    options = {"maxiter": MAX_ITERATIONS}
    fits = [minimize(likelihood, it, jac=True, method="L-BFGS-B", bounds=bounds, options=options) for it in starts]
    best = min(fits, key=lambda fit: float(fit.fun))
    return Kernel(np.asarray(best.x), is_unordered)


class _Likelihood:
    """The negative logarithm of the posterior density of the parameters, with its gradient."""

    def __init__(self, points: Floats, values: Floats, is_unordered: npt.NDArray[np.bool_]) -> None:
        squares = (points[:, None, :] - points[None, :, :]) ** 2
        squares[:, :, is_unordered] = squares[:, :, is_unordered] > 0
        self._squares = squares.reshape(-1, is_unordered.size)
        self._values = values
        self._mean = np.append(_prior_mean(is_unordered.size), (0.0, -6.0))
        self._deviation = np.append(np.full(is_unordered.size, 2.4), (1.0, 2.0))

    def __call__(self, theta: Floats) -> tuple[float, Floats]:
        count = len(self._values)
        weights, amplitude, noise = np.exp(theta[:-2]), math.exp(theta[-2]), math.exp(theta[-1])
        squares = (self._squares @ weights).reshape(count, count)
        r = np.sqrt(squares)
        decay = np.exp(-_ROOT5 * r)
        covariance = amplitude * (1 + _ROOT5 * r + 5 / 3 * squares) * decay
        noisy = covariance.copy()
        noisy.flat[:: count + 1] += noise + JITTER
        lower, failed = dpotrf(noisy, lower=1)
        if failed:
            return _INVALID, np.zeros_like(theta)
        solved = cho_solve((lower, True), self._values, check_finite=False)
        outer = 0.5 * (_inverse(lower) - np.outer(solved, solved))
        slope = outer * (-5 / 6 * amplitude * (1 + _ROOT5 * r) * decay)
        gradient = np.append(
            slope.ravel() @ self._squares * weights, ((outer * covariance).sum(), outer.trace() * noise)
        )
        off = (theta - self._mean) / self._deviation
        value = 0.5 * self._values @ solved + np.log(np.diag(lower)).sum() + 0.5 * off @ off
        return float(value), gradient + off / self._deviation


def _inverse(lower: Floats) -> Floats:
    """Return the inverse of the matrix of this Cholesky factor."""
    half = np.tril(dpotri(lower, lower=1)[0])
    inverse: Floats = half + np.tril(half, -1).T
    return inverse


def _prior_mean(width: int) -> Floats:
    return np.full(width, -2 * (0.2 + 0.5 * math.log(width)))
