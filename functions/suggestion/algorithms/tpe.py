"""Tree-structured Parzen estimator, with every parameter on its own (`tpe`) or all together (`multivariate-tpe`)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final, Self

from events.experiment import ExperimentSpec
from functions.suggestion.algorithms.interface import Answer, Request
from functions.suggestion.algorithms.proposing import Proposer, answer_by
from functions.suggestion.algorithms.settings import (
    RANDOM_STATE,
    SETTINGS,
    Rule,
    setting_paths,
    validate_parameters_only,
    validate_settings,
)
from functions.suggestion.search_space import Problem

STARTUP_TRIALS = 10
EI_CANDIDATES = 24
PRIOR_WEIGHT = 1.0
"""Optuna's defaults."""

MAX_EI_CANDIDATES = 1000
"""Each is held against every kernel of every parameter: a thousand cost about 100 MB, and 24 are as good."""

_OPTUNAS, _HYPEROPTS = "n_ei_candidates", "n_EI_candidates"

_NOT_NEGATIVE: Final = Rule(int, lambda value: value >= 0, "{name} should be greate or equal than zero")
_POSITIVE: Final = Rule(int, lambda value: value > 0, "{name} should be great than zero")
_NOT_TOO_MANY: Final = Rule(
    int, lambda value: value <= MAX_EI_CANDIDATES, f"{{name}} should not be greater than {MAX_EI_CANDIDATES}"
)
_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "n_startup_trials": (_NOT_NEGATIVE,),
    _OPTUNAS: (_NOT_NEGATIVE, _POSITIVE, _NOT_TOO_MANY),
    _HYPEROPTS: (_POSITIVE, _NOT_TOO_MANY),
    "gamma": (Rule(float, lambda value: 0 < value < 1, "{name} should be in the range of (0, 1)"),),
    "prior_weight": (Rule(float, lambda value: 0 < value < inf, "{name} should be great than zero"),),
}
"""Katib's wording: those of its Optuna service, then those of hyperopt, whose names are accepted as well."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """The settings as numbers."""

    n_startup_trials: int
    """Trials with an objective before which everything is drawn at random."""
    n_ei_candidates: int
    """Candidates of which the most promising is suggested."""
    gamma: float | None
    """The share of good Trials in hyperopt's way; None is Optuna's."""
    prior_weight: float
    """The weight of the flat density among those of the Trials."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> Self:
        """Read settings that validation has nothing against."""
        candidates = settings.get(_OPTUNAS) or settings.get(_HYPEROPTS) or EI_CANDIDATES
        return cls(
            n_startup_trials=int(settings.get("n_startup_trials") or STARTUP_TRIALS),
            n_ei_candidates=int(candidates),
            gamma=float(settings["gamma"]) if "gamma" in settings else None,
            prior_weight=float(settings.get("prior_weight") or PRIOR_WEIGHT),
        )


@dataclass(frozen=True, slots=True)
class TreeParzen:
    """Katib's `tpe` and `multivariate-tpe` on Optuna's estimator; active Trials count as poor (constant liar)."""

    is_multivariate: bool

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with the settings."""
        random_state = _NOT_NEGATIVE if self.is_multivariate else RANDOM_STATE
        yield from validate_parameters_only(spec)
        yield from validate_settings(spec, settings, {**_RULES, "random_state": (random_state,)})
        if settings.keys() >= {_OPTUNAS, _HYPEROPTS}:
            path = setting_paths(spec).get(_HYPEROPTS, SETTINGS)
            yield f"{path}.name", f"{_HYPEROPTS} is another name of {_OPTUNAS}: only one of them can be given"

    def suggest(self, request: Request) -> Answer:
        """Draw at random until enough Trials have an objective, then where good ones are likelier than poor ones."""
        return answer_by(request, self.proposer(request))

    def proposer(self, request: Request) -> Proposer | None:
        """Return the estimators, or None while there is too little to estimate from."""
        knobs = Knobs.from_settings(request.settings)
        if request.history.usable_count() < knobs.n_startup_trials:
            return None
        from functions.suggestion.algorithms.parzen import ParzenProposer

        return ParzenProposer(request, knobs, is_multivariate=self.is_multivariate)


TPE = TreeParzen(is_multivariate=False)
MULTIVARIATE_TPE = TreeParzen(is_multivariate=True)
