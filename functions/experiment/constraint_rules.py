"""What `parameterConstraints` must be: comparisons of parameters that are there, which some point can meet."""

from collections.abc import Iterator

from events.experiment import ExperimentSpec
from functions.experiment.parsing import Problem
from functions.suggestion.expressions import Constraint, ConstraintError
from functions.suggestion.search_space import SearchSpace, kinds_of, validate_parameters

AT = "spec.parameterConstraints"
MAX_CONSTRAINTS = 100
MAX_CHARACTERS = 10_000
"""Of all constraints together: a point is held against them in about a millisecond."""
MAX_LISTED = 10_000
MAX_READ_CHARACTERS = 10_000_000
"""Points that are looked at for one that meets all constraints, and what is read of these for it: about a second.

Of a larger space the search itself finds out.
"""

UNAWARE = frozenset({"hyperband", "bohb", "asha", "pbt", "enas", "darts"})
"""The algorithms whose next point follows from an earlier one, so that they cannot draw until it fits."""


def validate_parameter_constraints(spec: ExperimentSpec) -> Iterator[Problem]:
    """Yield everything that is wrong with them."""
    if not spec.parameter_constraints:
        return
    algorithm = spec.algorithm.algorithm_name if spec.algorithm else ""
    if algorithm in UNAWARE:
        yield AT, f"algorithm {algorithm} does not support constraints between parameters"
    if len(spec.parameter_constraints) > MAX_CONSTRAINTS:
        yield AT, f"there may be at most {MAX_CONSTRAINTS}"
        return
    if sum(map(len, spec.parameter_constraints)) > MAX_CHARACTERS:
        yield AT, f"may not have more than {MAX_CHARACTERS} characters together"
        return
    if any(validate_parameters(spec.parameters)):
        return
    problems = _find_problems(spec)
    yield from ((f"{AT}[{index}]", problem) for index, problem in problems.items())
    if not problems and not _has_point(SearchSpace.from_spec(spec.parameters, spec.parameter_constraints)):
        yield AT, "no point of the search space meets all of them"


def sound_constraints(spec: ExperimentSpec) -> tuple[str, ...]:
    """Return those that can be read, where the parameters are sound; none where there are too many."""
    given = spec.parameter_constraints or ()
    if len(given) > MAX_CONSTRAINTS or sum(map(len, given)) > MAX_CHARACTERS:
        return ()
    problems = _find_problems(spec)
    return tuple(text for index, text in enumerate(given) if index not in problems)


def _find_problems(spec: ExperimentSpec) -> dict[int, str]:
    """Return why constraints cannot be read, by their place."""
    kinds, problems = kinds_of(SearchSpace.from_spec(spec.parameters).axes), {}
    for index, text in enumerate(spec.parameter_constraints or ()):
        try:
            Constraint.parse(text, kinds)
        except ConstraintError as error:
            problems[index] = str(error)
    return problems


def _has_point(space: SearchSpace) -> bool:
    total, characters = space.cardinality, sum(len(constraint.text) for constraint in space.constraints)
    if total is None or total > MAX_LISTED or total * characters > MAX_READ_CHARACTERS:
        return True
    return any(space.allows(space.row_at(index)) for index in range(total))
