"""Bayesian optimisation: a Gaussian process of the objective, asked where an improvement is to be expected."""

from collections.abc import Iterator, Mapping
from typing import Final

from events.experiment import ExperimentSpec
from functions.suggestion.algorithms.interface import Answer, Request
from functions.suggestion.algorithms.proposing import Proposer, QuasiRandom, answer_by
from functions.suggestion.algorithms.settings import (
    RANDOM_STATE,
    Rule,
    one_of,
    validate_parameters_only,
    validate_settings,
)
from functions.suggestion.algorithms.sobol import MAX_DIMENSIONS
from functions.suggestion.search_space import Problem

INITIAL_POINTS = 10
"""scikit-optimize's default."""

MIN_USABLE = 3
"""Trials with an objective that a Gaussian process needs at least."""

DEFAULT_ACQUISITION = "EI"
"""Not Katib's gp_hedge: drawing lots among three is worse than the best of them."""

_UNSUPPORTED = "{name} {value} is not supported in Bayesian optimization"
_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "base_estimator": (
        one_of("GP", "RF", "ET", "GBRT", message=_UNSUPPORTED),
        one_of("GP", message=f"{_UNSUPPORTED}: only GP is"),
    ),
    "n_initial_points": (Rule(int, lambda value: value >= 0, "{name} should be great or equal than zero"),),
    "acq_func": (
        one_of("gp_hedge", "LCB", "EI", "PI", "EIps", "PIps", message=_UNSUPPORTED),
        one_of("gp_hedge", "LCB", "EI", "PI", message=f"{_UNSUPPORTED}: what a Trial takes is not modelled"),
    ),
    "acq_optimizer": (one_of("auto", "sampling", "lbfgs", message=_UNSUPPORTED),),
    "random_state": (RANDOM_STATE,),
}


class BayesianOptimization:
    """Katib's `bayesianoptimization`; active Trials count as turned out as expected (kriging believer)."""

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with the settings, and a space with more axes than the first points know."""
        yield from validate_parameters_only(spec)
        yield from validate_settings(spec, settings, _RULES)
        if len(spec.parameters) > MAX_DIMENSIONS:
            yield "spec.parameters", f"bayesianoptimization supports at most {MAX_DIMENSIONS} parameters"

    def suggest(self, request: Request) -> Answer:
        """Spread the first points evenly, then look where an improvement is expected."""
        if all(axis.size == 1 for axis in request.space.axes):
            return answer_by(request, None)
        if is_beginning(request, int(request.settings.get("n_initial_points") or INITIAL_POINTS)):
            return answer_by(request, QuasiRandom(request))
        from functions.suggestion.algorithms.blas import one_thread

        with one_thread():
            return answer_by(request, _gaussian(request))


def _gaussian(request: Request) -> Proposer:
    from functions.suggestion.algorithms.acquisition import GaussianProposer

    acquisition = request.settings.get("acq_func") or DEFAULT_ACQUISITION
    return GaussianProposer(request, acquisition, request.settings.get("acq_optimizer") or "auto")


def is_beginning(request: Request, initial_count: int) -> bool:
    """Tell whether the first points are still to be suggested, or too little has come of them."""
    known = request.first_number + request.history.prior_count
    return known <= initial_count or request.history.usable_count() < MIN_USABLE


BAYESIAN = BayesianOptimization()
