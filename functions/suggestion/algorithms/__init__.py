"""The algorithms by the names that Katib gives them; each is imported when it is asked for."""

from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from functions.suggestion.algorithms.interface import Algorithm

_ALGORITHMS = {
    "asha": "asha:ASHA",
    "auto": "auto:AUTO",
    "bayesianoptimization": "bayesian:BAYESIAN",
    "bohb": "bohb:BOHB",
    "cmaes": "cmaes:CMA_ES",
    "darts": "darts:DARTS",
    "enas": "enas:ENAS",
    "grid": "grid:GRID",
    "http": "remote:HTTP",
    "hyperband": "hyperband:HYPERBAND",
    "multivariate-tpe": "tpe:MULTIVARIATE_TPE",
    "nsgaii": "nsga:NSGA_II",
    "nsgaiii": "nsga:NSGA_III",
    "pbt": "pbt:PBT",
    "random": "random_search:RANDOM",
    "sobol": "sobol:SOBOL",
    "tpe": "tpe:TPE",
}

ALGORITHM_NAMES = tuple(_ALGORITHMS)

ENTRY_POINTS = "kuttab.algorithms"
"""The group in which an installed package names an object of its own with the methods of `Algorithm`."""

AUTO = "auto"
"""The one that chooses among the others, also by what a Trial takes, which is measured for it alone."""


class UnknownAlgorithmError(KeyError):
    """No algorithm has this name: admission should have refused the Experiment."""


def get_algorithm(name: str) -> Algorithm:
    """Return the algorithm of this name, ours or an installed one. Raises UnknownAlgorithmError."""
    if name in _ALGORITHMS:
        module_name, _, attribute = _ALGORITHMS[name].partition(":")
        return cast("Algorithm", getattr(import_module(f"{__name__}.{module_name}"), attribute))
    for found in entry_points(group=ENTRY_POINTS, name=name):
        return cast("Algorithm", found.load())
    raise UnknownAlgorithmError(name)


def known_names() -> tuple[str, ...]:
    """Return the names of our algorithms and of the installed ones."""
    installed = {found.name for found in entry_points(group=ENTRY_POINTS)}
    return (*ALGORITHM_NAMES, *sorted(installed - _ALGORITHMS.keys()))
