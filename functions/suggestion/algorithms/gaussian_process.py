"""A Gaussian process in numpy and scipy, whose kernel is fitted by maximum a posteriori."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize

from functions.suggestion.algorithms.kernel import JITTER, Kernel, Prior, matern, to_slopes
from functions.suggestion.algorithms.kernel_layout import Layout
from functions.suggestion.history import Flags, Floats

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

    Everything is computed for each pair of points once: the matrices are symmetric. It has one row for each part of the
    kernel, in memory that is kept: to fetch fresh memory of that size each time would take as long as all the rest.
    """

    def __init__(self, points: Floats, values: Floats, is_unordered: Flags, prior: Prior) -> None:
        self._pairs = np.tril_indices(len(points), -1)
        left, right = (points[places] for places in self._pairs)
        self._offsets = np.ascontiguousarray(np.abs(left - right).T)
        self._offsets[is_unordered] = self._offsets[is_unordered] > 0
        self._squares = self._offsets**2
        self._values = values
        self._prior = prior
        self._layout = Layout.of(is_unordered.size)
        self._memory = np.empty((3, len(self._layout.parts), len(left)))

    def __call__(self, theta: Floats) -> tuple[float, Floats]:
        """Return both; a matrix that is singular is the worst there is."""
        layout, noise, amplitudes = self._layout, math.exp(theta[-1]), np.exp(theta[self._layout.amplitudes])
        distances, decay, correlations = self._memory
        self._measure(theta, distances)
        np.exp(np.negative(distances, out=decay), out=decay)
        shapes = np.array(layout.shapes(matern(distances, decay, out=correlations)))
        lower, failed = dpotrf(self._fill(amplitudes @ shapes, amplitudes.sum() + noise + JITTER), lower=1)
        if failed:
            return _INVALID, np.zeros_like(theta)
        solved = cho_solve((lower, True), self._values, check_finite=False)
        inverse = dpotri(lower, lower=1)[0]
        left, right = self._pairs
        pull = inverse[left, right] - solved[left] * solved[right]
        trace = 0.5 * float((inverse.diagonal() - solved * solved).sum())
        gradient = np.zeros_like(theta)
        gradient[-1] = trace * noise
        gradient[layout.amplitudes] = amplitudes * (shapes @ pull + trace)
        slopes = to_slopes(distances, decay)
        slopes *= layout.to_factors(theta, correlations)
        slopes *= pull
        for (axes, weights), its in zip(layout.parts, slopes, strict=True):
            gradient[weights] = self._squares[axes] @ its * np.exp(theta[weights])
        off = (theta - self._prior.mean) / self._prior.deviation
        value = 0.5 * self._values @ solved + np.log(lower.diagonal()).sum() + 0.5 * off @ off
        return float(value), gradient + off / self._prior.deviation

    def _measure(self, theta: Floats, distances: Floats) -> None:
        """Write those of every pair along the axes of each part, with the root of 5 as a factor."""
        weights = 5 * np.exp(theta)
        width = self._layout.width
        np.sqrt(np.dot(weights[:width], self._squares, out=distances[0]), out=distances[0])
        if self._layout.is_additive:
            np.multiply(self._offsets, np.sqrt(weights[width : 2 * width, None]), out=distances[1:])

    def _fill(self, below: Floats, diagonal: float) -> Floats:
        """Return the lower half of a matrix, as LAPACK keeps it."""
        matrix = np.zeros((len(self._values),) * 2, order="F")
        matrix[self._pairs] = below
        np.fill_diagonal(matrix, diagonal)
        return matrix
