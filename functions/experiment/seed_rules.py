"""What `seedTrials` and `warmStartFrom` must be: points of the space, results that are numbers, names."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from events.experiment import ExperimentSpec, SeedTrial
from events.search_space import ParameterAssignment
from functions.experiment.constraint_rules import UNAWARE, sound_constraints
from functions.experiment.parsing import Problem
from functions.suggestion.search_space import Row, SearchSpace, validate_parameters

MAX_SEEDS = 1_000
MAX_SOURCES = 20

_SEEDS = "spec.seedTrials"
_SOURCES = "spec.warmStartFrom"


def validate_seeds(spec: ExperimentSpec) -> Iterator[Problem]:
    """Yield everything that is wrong with them."""
    yield from _validate_sources(spec.warm_start_from or ())
    algorithm = spec.algorithm.algorithm_name if spec.algorithm else ""
    for at, given in ((_SEEDS, spec.seed_trials), (_SOURCES, spec.warm_start_from)):
        if given and algorithm in UNAWARE:
            yield at, f"algorithm {algorithm} does not learn from Trials that are not its own"
    seeds = spec.seed_trials or ()
    if len(seeds) > MAX_SEEDS:
        yield _SEEDS, f"there may be at most {MAX_SEEDS}"
    if seeds and not any(validate_parameters(spec.parameters)):
        yield from _validate_each(spec, seeds[:MAX_SEEDS])


def _validate_each(spec: ExperimentSpec, seeds: Sequence[SeedTrial]) -> Iterator[Problem]:
    """Yield what is wrong with each seed, and those that would run a point again."""
    space = SearchSpace.from_spec(spec.parameters, sound_constraints(spec))
    places: dict[Row, str] = {}
    for index, seed in enumerate(seeds):
        at = f"{_SEEDS}[{index}]"
        problems = list(_validate_seed(seed, space, at))
        yield from problems
        yield from _validate_observation(seed, spec, f"{at}.observation")
        if problems or seed.observation is not None or spec.allow_duplicates:
            continue
        first = places.setdefault(to_seed_row(seed, space), at)
        if first != at:
            yield f"{at}.parameters", f"is the point of {first} again: allowDuplicates runs both"


def _validate_sources(names: Sequence[str]) -> Iterator[Problem]:
    if len(names) > MAX_SOURCES:
        yield _SOURCES, f"there may be at most {MAX_SOURCES}"
    for index, name in enumerate(names):
        if not name or name in names[:index]:
            yield f"{_SOURCES}[{index}]", f"holds {name!r} twice" if name else "must be specified"


def _validate_seed(seed: SeedTrial, space: SearchSpace, at: str) -> Iterator[Problem]:
    axes = {axis.name: axis for axis in space.axes}
    problems = [(name, f"unknown parameter {name}") for name in seed.parameters if name not in axes]
    for name, text in seed.parameters.items():
        if name in axes and not axes[name].has(text):
            problems.append((name, f"{text!r} is not a value of parameter {name}"))
    yield from ((f"{at}.parameters.{name}", message) for name, message in problems)
    if problems:
        return
    try:
        row = to_seed_row(seed, space)
    except KeyError as error:
        yield f"{at}.parameters", f"parameter {error.args[0]} must be specified"
        return
    yield from _validate_point(seed, row, space, at)


def _validate_point(seed: SeedTrial, row: Row, space: SearchSpace, at: str) -> Iterator[Problem]:
    """Yield what is given though it has no value there, and the constraints that do not hold."""
    for axis, is_active in zip(space.axes, space.activity(row), strict=True):
        if axis.name in seed.parameters and not is_active:
            yield f"{at}.parameters.{axis.name}", f"parameter {axis.name} has no value at this point"
    for constraint in space.constraints:
        if not replace(space, constraints=(constraint,)).allows(row):
            yield f"{at}.parameters", f"{constraint.text} does not hold"


def to_seed_row(seed: SeedTrial, space: SearchSpace) -> Row:
    """Return the point of a seed. Raises KeyError where a parameter is missing."""
    return space.to_row([ParameterAssignment(name=name, value=text) for name, text in seed.parameters.items()])


def _validate_observation(seed: SeedTrial, spec: ExperimentSpec, at: str) -> Iterator[Problem]:
    if seed.observation is None:
        return
    objectives = spec.objectives or ((spec.objective,) if spec.objective else ())
    for objective in objectives:
        if objective.objective_metric_name not in seed.observation:
            yield at, f"metric {objective.objective_metric_name} must be specified"
    for name, value in seed.observation.items():
        if not math.isfinite(value):
            yield f"{at}.{name}", "must be a finite number"
