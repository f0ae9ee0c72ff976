"""A CMA-ES search as plain numbers: its distribution, its generation, and the restarts before it."""

import math
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import TypeAdapter

from events.resource import Manifest
from functions.suggestion.algorithms.cmaes import MAX_SIGMA, MIN_SIGMA
from functions.suggestion.history import Floats

if TYPE_CHECKING:
    from cmaes import CMA

INITIAL_SIGMA = 1 / 6
"""The share of every range that the first generation's deviation is, as in goptuna."""

POPULATION_GROWTH = 2
"""How much larger the population of a restart is, as in goptuna."""

MAX_LAG = 1
"""Generations that a result may be late by: with many Workers there is always one that began before the last update."""

MAX_WORST = 1e300
"""Losses beyond are told as this, so that differences stay finite."""


MIN_SPREAD = 1e-10
"""The share of every range below which the largest deviation does not fall: its points would be one in doubles."""

MAX_SPREAD = 1.0
"""The share above which it does not rise: a wider distribution has nothing but corners."""

MAX_SCALE = 1e3
"""Of the covariance: beyond, it is given to `sigma`, which means the same, before one overflows and one vanishes."""

RESTARTING = frozenset({"ipop", "bipop"})


@dataclass(frozen=True)
class Restarts:
    """What came before: BIPOP gives large and small populations the same number of Trials in turns."""

    large_count: int = 0
    small_evaluations: int = 0
    large_evaluations: int = 0
    is_small: bool = False


@dataclass(frozen=True)
class Evolution:
    """The distribution (mean, deviation, covariance, paths) and what is known of its generation."""

    mean: list[float]
    sigma: float
    sigma0: float
    population: int
    initial_population: int
    covariance: list[list[float]] | None = None
    step_path: list[float] | None = None
    covariance_path: list[float] | None = None
    generation: int = 0
    extremes: list[float] = field(default_factory=list)
    """The best and worst losses of the last generations: whether they still change decides a restart."""
    members: dict[int, int] = field(default_factory=dict)
    """The generation of each Trial whose result still counts, by number."""
    results: list[tuple[list[float], float | None]] = field(default_factory=list)
    """The points and losses that are in, in the order of their finish; None failed."""
    restarts: Restarts = field(default_factory=Restarts)

    @classmethod
    def begin(cls, mean: Floats, sigma: float, population: int | None) -> Self:
        """Return the distribution before the first generation."""
        size = population or 4 + math.floor(3 * math.log(len(mean)))
        return cls(mean.tolist(), sigma, sigma, size, size)

    @classmethod
    def from_manifest(cls, state: Manifest) -> Self:
        """Read what `to_manifest` wrote."""
        return TypeAdapter(cls).validate_python(state)

    def to_manifest(self) -> Manifest:
        """Write fields, never a pickle: what is read from a store must not be able to run."""
        return {**asdict(self), "members": {str(number): it for number, it in self.members.items()}}

    def ask_for(self, numbers: list[int]) -> Self:
        """Return this with Trials that were drawn from its distribution."""
        return replace(self, members={**self.members, **dict.fromkeys(numbers, self.generation)})

    def learn(self, number: int, point: Floats, loss: float, strategy: str, rng: np.random.Generator) -> Self:
        """Return this with one more finished Trial: with the last of a generation the distribution moves."""
        if number not in self.members:
            return self
        members = {other: it for other, it in self.members.items() if other != number}
        known = min(max(loss, -MAX_WORST), MAX_WORST) if not math.isnan(loss) else None
        grown = replace(self, members=members, results=[*self.results, (point.tolist(), known)])
        return grown if len(grown.results) < self.population else grown.move(strategy, rng)

    def move(self, strategy: str, rng: np.random.Generator) -> Self:
        """Return the next generation, or the restart that the strategy asks for."""
        known = [loss for _, loss in self.results if loss is not None]
        if not known:
            return replace(self, results=[])
        optimizer = self.optimizer()
        optimizer.tell([(np.array(point), max(known) if loss is None else loss) for point, loss in self.results])
        moved = self._read(optimizer)
        if strategy in RESTARTING and (optimizer.should_stop() or moved.spread < MIN_SPREAD):
            return moved.restart(strategy, rng)
        return moved.bounded()

    @property
    def spread(self) -> float:
        """The largest deviation of an axis, as a share of its range."""
        return self.sigma * (1.0 if self.covariance is None else math.sqrt(max(np.diag(self.covariance))))

    def bounded(self) -> Self:
        """Return this no narrower than doubles can tell and no wider than the ranges; a broken one begins again."""
        if not (0 < self.spread < math.inf and np.isfinite(self.deviations()).all()):
            mean = np.nan_to_num(np.array(self.mean), nan=0.5)
            return self._begin_again(mean, self.population, self.restarts)
        scale, sigma = self.spread / self.sigma, min(max(self.spread, MIN_SPREAD), MAX_SPREAD)
        if self.covariance is None:
            return replace(self, sigma=sigma)
        if sigma == self.spread and 1 / MAX_SCALE < scale < MAX_SCALE:
            return self
        covariance = (np.array(self.covariance) / scale**2).tolist()
        path = (np.array(self.covariance_path) / scale).tolist()
        return replace(self, sigma=sigma, covariance=covariance, covariance_path=path)

    def deviations(self) -> Floats:
        """Return the matrix that makes a sample of this of one of the standard normal distribution."""
        if self.covariance is None:
            return self.sigma * np.eye(len(self.mean))
        variances, directions = np.linalg.eigh(np.array(self.covariance))
        matrix: Floats = self.sigma * directions * np.sqrt(np.maximum(variances, 0))
        return matrix

    def optimizer(self) -> "CMA":
        """Return the library's optimizer in this state."""
        bounds = np.tile([0.0, 1.0], (len(self.mean), 1))
        optimizer = _load_class()(
            mean=np.array(self.mean), sigma=self.sigma0, bounds=bounds, seed=0, population_size=self.population
        )
        it = vars(optimizer)
        it["_sigma"], it["_g"] = self.sigma, self.generation
        if self.covariance is not None:
            it["_C"], it["_p_sigma"] = np.array(self.covariance), np.array(self.step_path)
            it["_pc"], it["_funhist_values"] = np.array(self.covariance_path), np.array(self.extremes)
        else:
            it["_funhist_values"][:] = 0.0
        return optimizer

    def _read(self, optimizer: "CMA") -> Self:
        it = vars(optimizer)
        members = {number: g for number, g in self.members.items() if self.generation + 1 - g <= MAX_LAG}
        return replace(
            self,
            mean=np.clip(it["_mean"], 0, 1).tolist(),
            sigma=float(it["_sigma"]),
            covariance=it["_C"].tolist(),
            step_path=it["_p_sigma"].tolist(),
            covariance_path=it["_pc"].tolist(),
            generation=self.generation + 1,
            extremes=it["_funhist_values"].tolist(),
            members=members,
            results=[],
        )

    def restart(self, strategy: str, rng: np.random.Generator) -> Self:
        """Begin again somewhere else, with another population."""
        restarts = self._count(strategy)
        growth = float(POPULATION_GROWTH**restarts.large_count)
        population = int(self.initial_population * (growth ** (rng.random() ** 2) if restarts.is_small else growth))
        return self._begin_again(rng.random(len(self.mean)), population, restarts)

    def _begin_again(self, mean: Floats, population: int, restarts: Restarts) -> Self:
        fresh = type(self).begin(mean, min(max(self.sigma0, MIN_SIGMA), MAX_SIGMA), population)
        return replace(fresh, initial_population=self.initial_population, restarts=restarts)

    def _count(self, strategy: str) -> Restarts:
        """Return the restarts with this one: BIPOP's is small where small ones have had fewer Trials."""
        spent, it = self.population * self.generation, self.restarts
        small = it.small_evaluations + (spent if it.is_small else 0)
        large = it.large_evaluations + (0 if it.is_small else spent)
        is_small = strategy == "bipop" and small < large
        return Restarts(it.large_count + (not is_small), small, large, is_small)


@cache
def _load_class() -> type["CMA"]:
    """Return the class without its package, whose other optimizers need scipy.stats: a second to import."""
    package = find_spec("cmaes")
    assert package is not None
    assert package.submodule_search_locations
    spec = spec_from_file_location("cmaes_cma", Path(package.submodule_search_locations[0]) / "_cma.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    loaded: type[CMA] = module.CMA
    return loaded
