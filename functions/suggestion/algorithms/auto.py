"""The default: what suits this space, this budget and these Workers, and a word in the status about which and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from events.experiment import ExperimentSpec
from events.resource import Manifest
from functions.suggestion.algorithms.bayesian import INITIAL_POINTS, MIN_USABLE, is_beginning
from functions.suggestion.algorithms.cmaes import CMA_ES
from functions.suggestion.algorithms.interface import Answer, Request
from functions.suggestion.algorithms.nsga import NSGA_II
from functions.suggestion.algorithms.proposing import MiddleFirst, answer_by
from functions.suggestion.algorithms.settings import RANDOM_STATE, validate_parameters_only, validate_settings
from functions.suggestion.algorithms.sobol import MAX_DIMENSIONS
from functions.suggestion.algorithms.tpe import MULTIVARIATE_TPE
from functions.suggestion.axis import NUMERIC
from functions.suggestion.search_space import Problem

MAX_GAUSSIAN_TRIALS = 500
"""Finished Trials up to which a Gaussian process is asked. Made of 250, it beats what follows up to 400 at least."""

MIN_INITIAL_POINTS = 6
MAX_INITIAL_SHARE = 0.25
"""First points: one for each parameter within bounds, but no more than this share of all Trials."""

MAX_MANY_OBJECTIVE_TRIALS = 250
"""Results of several objectives up to which TPE is asked: its cost grows with their fronts."""

MAX_GAUSSIAN_AXES = 40
"""Parameters with more than one value: beyond, distances say too little."""

MAX_CONDITIONAL_AXES = 24
"""Where some depend on others, a Gaussian process is asked as long as it looks at pairs of parameters."""

MAX_GAUSSIAN_PARALLEL = 32
"""Trials at a time: beyond, its search is what the Workers wait for."""

MIN_SECONDS_PER_TRIAL = 0.02
"""Results that come faster would wait for a Gaussian process, which takes a few times as long for a suggestion."""

MIN_CMAES_AXES = 5
"""Numeric parameters from which on CMA-ES beats TPE in the long run."""

CMAES = "cmaes"
NSGAII = "nsgaii"


@dataclass(frozen=True)
class Choice:
    """An algorithm, and why it."""

    name: str
    reason: str

    @property
    def note(self) -> str:
        """What the status says."""
        return f"auto uses {self.name}: {self.reason}"


class Auto:
    """The algorithm of Experiments that name none. What it chooses follows from the request alone."""

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with the settings, of which there is one."""
        yield from validate_parameters_only(spec)
        yield from validate_settings(spec, settings, {"random_state": (RANDOM_STATE,)})

    def suggest(self, request: Request) -> Answer:
        """Ask whom it chooses now. Only CMA-ES and NSGA-II have decided anything to remember."""
        choice = choose(request)
        if choice.name in {CMAES, NSGAII}:
            return replace(_ask_evolving(choice.name, request), note=choice.note)
        return replace(_ask(choice.name, request), note=choice.note)


def _ask_evolving(name: str, request: Request) -> Answer:
    """Ask one that remembers, with what it remembers; whose that is stands beside it."""
    kept = request.state if request.state and request.state.get("uses") == name else {}
    inner = kept.get("state")
    own = replace(request, state=inner if isinstance(inner, dict) else None, settings={})
    if name == NSGAII:
        answer = NSGA_II.suggest(own)
    else:
        answer = CMA_ES.suggest(replace(own, settings={"restart_strategy": "ipop"}))
    states: tuple[Manifest, ...] = tuple({"uses": name, "state": state} for state in answer.states)
    return replace(answer, states=states, state={"uses": name, "state": answer.state})


def _ask(name: str, request: Request) -> Answer:
    plain = replace(request, settings={})
    if name == "sobol":
        return answer_by(plain, MiddleFirst(plain))
    if name == "multivariate-tpe":
        return MULTIVARIATE_TPE.suggest(plain)
    from functions.suggestion.algorithms.blending import answer_blended

    return answer_blended(plain)


def choose(request: Request) -> Choice:
    """Return what suits the request."""
    free = [axis for axis in request.space.axes if axis.size != 1]
    finished = request.history.usable_count()
    if request.spec.has_several_objectives and finished > MAX_MANY_OBJECTIVE_TRIALS:
        return Choice(NSGAII, f"more than {MAX_MANY_OBJECTIVE_TRIALS} results of several objectives")
    if problem := _find_gaussian_problem(request, len(free)):
        return Choice("multivariate-tpe", problem)
    initial_count = _count_initial(request, len(free))
    if is_beginning(request, initial_count):
        return Choice("sobol", f"the first {initial_count} Trials are the middle and points that are spread evenly")
    if finished <= MAX_GAUSSIAN_TRIALS:
        return Choice(
            "bayesianoptimization", f"up to {MAX_GAUSSIAN_TRIALS} results, with every fourth suggestion of TPE"
        )
    if len(free) >= MIN_CMAES_AXES and all(axis.type in NUMERIC for axis in free):
        return Choice(CMAES, f"more than {MAX_GAUSSIAN_TRIALS} results of {len(free)} parameters that are all numeric")
    return Choice("multivariate-tpe", f"more than {MAX_GAUSSIAN_TRIALS} results")


def _count_initial(request: Request, width: int) -> int:
    """Return how many Trials come before there is a model: few where there are few parameters, or few Trials at all."""
    count = min(max(MIN_INITIAL_POINTS, width), INITIAL_POINTS)
    if request.max_trial_count is None:
        return count
    return max(MIN_USABLE, min(count, int(request.max_trial_count * MAX_INITIAL_SHARE)))


def _find_gaussian_problem(request: Request, width: int) -> str:
    """Say why a Gaussian process is no good here, if it is not."""
    kinds = {
        "there is a single point": not width,
        "there are several objectives": request.spec.has_several_objectives,
        f"which of more than {MAX_CONDITIONAL_AXES} parameters there are depends on others": (
            request.space.is_conditional and width > MAX_CONDITIONAL_AXES
        ),
    }
    if problem := next((problem for problem, holds in kinds.items() if holds), ""):
        return problem
    parallel = request.spec.parallel_trial_count or 1
    if width > MAX_GAUSSIAN_AXES or len(request.space.axes) > MAX_DIMENSIONS:
        return f"there are more than {MAX_GAUSSIAN_AXES} parameters"
    if parallel > MAX_GAUSSIAN_PARALLEL:
        return f"more than {MAX_GAUSSIAN_PARALLEL} Trials run at a time"
    seconds = request.evaluation_seconds
    if seconds is not None and seconds / parallel < MIN_SECONDS_PER_TRIAL:
        return f"a result comes in every {seconds / parallel:.2g} s, faster than a Gaussian process could follow"
    return ""


AUTO = Auto()
