"""Grid search: every combination once but those of seeds, in a random order, and then the end."""

from collections.abc import Iterator, Mapping

from events.experiment import ExperimentSpec
from events.resource import Manifest
from events.search_space import ParameterType
from functions.experiment.seed_rules import to_seed_row
from functions.suggestion.algorithms.interface import Answer, Request, Suggested
from functions.suggestion.algorithms.permutation import permute
from functions.suggestion.algorithms.settings import RANDOM_STATE, validate_parameters_only, validate_settings
from functions.suggestion.search_space import Problem, Row, SearchSpace, validate_parameters

MAX_SKIPS = 100_000
"""Combinations that break a constraint one after the other: where so many do, the search ends. It takes seconds."""


class Grid:
    """Katib's `grid`. It remembers how far it is, and the seed of its order, since every request has another seed."""

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with the settings, the axes without a step, and a budget above the combinations."""
        yield from validate_parameters_only(spec)
        yield from validate_settings(spec, settings, {"random_state": (RANDOM_STATE,)})
        stepless = list(_find_stepless(spec))
        yield from stepless
        if not stepless and not any(validate_parameters(spec.parameters)):
            yield from _validate_budget(spec)

    def suggest(self, request: Request) -> Answer:
        """Give the next combinations of the order."""
        total = request.space.cardinality
        assert total is not None, "validation refuses continuous axes"
        seed, start = _read(request.state, request.seed)
        rows: list[Row] = []
        ends = [start]
        given = _given_rows(request)
        while len(rows) < request.count and (found := _next_row(request.space, given, seed, range(ends[-1], total))):
            row, end = found
            rows.append(row)
            ends.append(end)
        is_end = len(rows) < request.count or ends[-1] >= total
        states: tuple[Manifest, ...] = tuple({"seed": seed, "next": index} for index in ends)
        return Answer(tuple(map(Suggested, rows)), states=states, is_end=is_end)


def _given_rows(request: Request) -> frozenset[Row]:
    """Return the combinations that are tried, or known, before the grid begins."""
    seeds = () if request.allow_duplicates else request.spec.seed_trials or ()
    return frozenset(request.space.fill(to_seed_row(seed, request.space)) for seed in seeds)


def _next_row(space: SearchSpace, given: frozenset[Row], seed: int, left: range) -> tuple[Row, int] | None:
    """Return the next combination that the constraints allow, and the index after it; None where there is none."""
    for index in left[:MAX_SKIPS]:
        row = space.row_at(permute(index, left.stop, seed))
        if row not in given and space.allows(row):
            return row, index + 1
    return None


def _read(state: Manifest | None, seed: int) -> tuple[int, int]:
    """Return the seed of the order and the number of combinations that were given."""
    if state is None:
        return seed, 0
    kept, index = state["seed"], state["next"]
    assert isinstance(kept, int)
    assert isinstance(index, int)
    return kept, index


def _find_stepless(spec: ExperimentSpec) -> Iterator[Problem]:
    for index, parameter in enumerate(spec.parameters):
        if parameter.parameter_type == ParameterType.DOUBLE and not parameter.feasible_space.step:
            message = "step is nil; For discrete search space, all parameters must include step"
            yield f"spec.parameters[{index}].feasibleSpace.step", f"Param {parameter.name} {message}"


def _validate_budget(spec: ExperimentSpec) -> Iterator[Problem]:
    total, wanted = SearchSpace.from_spec(spec.parameters).cardinality, spec.max_trial_count
    if total is not None and wanted is not None and wanted > total:
        yield "spec.maxTrialCount", f"Max Trial Count: {wanted} > all possible search combinations: {total}"


GRID = Grid()
