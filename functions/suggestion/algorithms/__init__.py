"""The algorithms by the names that Katib gives them; each is imported when it is asked for."""

from importlib import import_module
from typing import cast

from functions.suggestion.algorithms.interface import Algorithm

_ALGORITHMS = {
    "auto": "auto:AUTO",
    "bayesianoptimization": "bayesian:BAYESIAN",
    "cmaes": "cmaes:CMA_ES",
    "grid": "grid:GRID",
    "hyperband": "hyperband:HYPERBAND",
    "multivariate-tpe": "tpe:MULTIVARIATE_TPE",
    "nsgaii": "nsga:NSGA_II",
    "nsgaiii": "nsga:NSGA_III",
    "random": "random_search:RANDOM",
    "sobol": "sobol:SOBOL",
    "tpe": "tpe:TPE",
}

ALGORITHM_NAMES = tuple(_ALGORITHMS)

AUTO = "auto"
"""The one that chooses among the others, also by what a Trial takes, which is measured for it alone."""


class UnknownAlgorithmError(KeyError):
    """No algorithm has this name: admission should have refused the Experiment."""


def get_algorithm(name: str) -> Algorithm:
    """Return the algorithm of this name. Raises UnknownAlgorithmError."""
    if name not in _ALGORITHMS:
        raise UnknownAlgorithmError(name)
    module_name, _, attribute = _ALGORITHMS[name].partition(":")
    return cast("Algorithm", getattr(import_module(f"{__name__}.{module_name}"), attribute))
