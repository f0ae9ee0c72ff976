"""A Gaussian process in numpy and scipy, whose kernel is fitted by maximum a posteriori."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize

from functions.suggestion.algorithms.kernel import JITTER, Flags, Kernel, Part, Prior, correlate, list_parts
from functions.suggestion.history import Floats

MAX_ITERATIONS = 25
"""Steps of the fit: the likelihood is flat by then, and each costs a Cholesky decomposition."""

_INVALID = 1e10
"""What the fit gets for parameters that make the matrix singular."""


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


def fit_kernel(points: Floats, values: Floats, is_unordered: Flags) -> Kernel:
    """Return the likeliest kernel; the values should have mean 0 and variance 1."""
    prior = Prior.of(is_unordered.size)
    likelihood = Likelihood(points, values, is_unordered, prior)
    knobs = {"jac": True, "method": "L-BFGS-B", "bounds": prior.bounds, "options": {"maxiter": MAX_ITERATIONS}}
    fits = [minimize(likelihood, start, **knobs) for start in prior.starts]
    best = min(fits, key=lambda fit: float(fit.fun))
    return Kernel(np.asarray(best.x), is_unordered)


class Likelihood:
    """The negative logarithm of the posterior density of a kernel's parameters, with its gradient.

    Everything is computed for each pair of points once: the matrices are symmetric.
    """

    def __init__(self, points: Floats, values: Floats, is_unordered: Flags, prior: Prior) -> None:
        self._pairs = np.tril_indices(len(points), -1)
        left, right = (points[places] for places in self._pairs)
        self._squares = (left - right) ** 2
        self._squares[:, is_unordered] = self._squares[:, is_unordered] > 0
        self._values = values
        self._prior = prior
        self._parts = list_parts(is_unordered.size, prior.mean.size)

    def __call__(self, theta: Floats) -> tuple[float, Floats]:
        """Return both; a matrix that is singular is the worst there is."""
        noise = math.exp(theta[-1])
        amplitudes = [part.share * math.exp(theta[part.amplitude]) for part in self._parts]
        weighted = [self._squares[:, part.axes] @ np.exp(theta[part.weights]) for part in self._parts]
        shapes = [correlate(squares) for squares in weighted]
        covariance = np.array(amplitudes) @ np.array([correlation for correlation, _ in shapes])
        lower, failed = dpotrf(self._fill(covariance, sum(amplitudes) + noise + JITTER), lower=1)
        if failed:
            return _INVALID, np.zeros_like(theta)
        solved = cho_solve((lower, True), self._values, check_finite=False)
        inverse = dpotri(lower, lower=1)[0]
        left, right = self._pairs
        pull = inverse[left, right] - solved[left] * solved[right]
        trace = 0.5 * float((inverse.diagonal() - solved * solved).sum())
        gradient = np.zeros_like(theta)
        gradient[-1] = trace * noise
        for part, amplitude, (correlation, slope) in zip(self._parts, amplitudes, shapes, strict=True):
            gradient[part.amplitude] += amplitude * (pull @ correlation + trace)
            gradient[part.weights] = amplitude * self._pull_weights(part, theta, pull * slope)
        off = (theta - self._prior.mean) / self._prior.deviation
        value = 0.5 * self._values @ solved + np.log(lower.diagonal()).sum() + 0.5 * off @ off
        return float(value), gradient + off / self._prior.deviation

    def _fill(self, below: Floats, diagonal: float) -> Floats:
        """Return the lower half of a matrix, as LAPACK keeps it."""
        matrix = np.zeros((len(self._values),) * 2, order="F")
        matrix[self._pairs] = below
        np.fill_diagonal(matrix, diagonal)
        return matrix

    def _pull_weights(self, part: Part, theta: Floats, pull: Floats) -> Floats:
        slopes: Floats = pull @ self._squares[:, part.axes] * np.exp(theta[part.weights])
        return slopes
