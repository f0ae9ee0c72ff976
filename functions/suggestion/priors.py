"""What is known before the first Trial: results that the user gives, and those of earlier Experiments."""

from collections.abc import Mapping, Sequence
from math import isnan

from events.experiment import ExperimentSpec
from events.objective import Objective, ObjectiveType
from events.reference import ExperimentRef
from functions.experiment.measuring import Measures
from functions.experiment.model import Experiment
from functions.experiment.seed_rules import to_seed_row
from functions.experiment.sources import WarmSource
from functions.ports import FinishedTrial, Store
from functions.suggestion.history import History, to_loss, unpack_row
from functions.suggestion.search_space import Row, SearchSpace

MAX_PRIORS = 10_000
"""Trials of one earlier Experiment, the newest: as many as are read in a tenth of a second."""

Known = tuple[Row, float | None, Measures]
"""A point, the value of the first objective, and what else was measured there."""


async def begin_history(experiment: Experiment, store: Store, space: SearchSpace) -> History:
    """Return the history before the first Trial: the same at every search, unless an earlier Experiment is deleted."""
    spec = experiment.spec
    known: list[Known] = []
    for source in experiment.warm_sources:
        known += await _read(_ref_of(experiment, source), source.seq, store, space)
    known += _given(spec, space)
    objectives: Sequence[Objective] = spec.objectives or (experiment.objective,)
    history = History.empty(len(space.axes), other_count=len(objectives) - 1)
    if not known:
        return history
    rows, values, measures = zip(*known, strict=True)
    longer = history.extend(
        rows,
        [to_loss(value, objectives[0].type or ObjectiveType.MAXIMIZE) for value in values],
        0,
        numbers=[0] * len(known),
        others=[losses_of(objectives[1:], it) for it in measures] if len(objectives) > 1 else None,
        violations=[it.violation if spec.constraints else 0.0 for it in measures],
    )
    return longer.as_prior()


async def is_still_known(known: History, experiment: Experiment, store: Store, space: SearchSpace) -> bool:
    """Tell whether all that was known before the first Trial still is: a deleted Experiment is no longer read.

    What is read again is less, so its size tells; it is read where some Experiment is gone, which is rare.
    """
    sources = [await store.experiment(_ref_of(experiment, source)) for source in experiment.warm_sources]
    if all(source is not None and not source.deleted_at for source in sources):
        return True
    return (await begin_history(experiment, store, space)).prior_count == known.prior_count


def losses_of(objectives: Sequence[Objective], measures: Measures) -> list[float]:
    """Return the losses of the objectives after the first; a Trial without a result has none."""
    values = measures.others or (float("nan"),) * len(objectives)
    pairs = zip(objectives, values, strict=True)
    return [to_loss(value, objective.type or ObjectiveType.MAXIMIZE) for objective, value in pairs]


def seeds_to_run(spec: ExperimentSpec, space: SearchSpace) -> list[Row]:
    """Return the points that are the first Trials."""
    return [to_seed_row(seed, space) for seed in spec.seed_trials or () if seed.observation is None]


def _ref_of(experiment: Experiment, source: WarmSource) -> ExperimentRef:
    return ExperimentRef(namespace=experiment.namespace, name=source.name, uid=source.uid)


def _given(spec: ExperimentSpec, space: SearchSpace) -> list[Known]:
    """Return the results that the user gives."""
    found: list[Known] = []
    for seed in spec.seed_trials or ():
        if seed.observation is not None:
            values: Mapping[str, float] = seed.observation
            name = spec.objective.objective_metric_name if spec.objective else ""
            found.append((to_seed_row(seed, space), values.get(name), Measures.of_values(spec, values)))
    return found


async def _read(ref: ExperimentRef, seq: int, store: Store, space: SearchSpace) -> list[Known]:
    """Return the results of an earlier Experiment that lie in this space; none where it is deleted."""
    source = await store.experiment(ref)
    if source is None or source.deleted_at:
        return []
    theirs = SearchSpace.from_spec(source.spec.parameters)
    finished = [it for it in await store.finished_since(ref.uid, 0) if it.seq <= seq and it.value is not None]
    found = ((_translate(trial, theirs, space), trial) for trial in finished[-MAX_PRIORS:])
    return [(row, it.value, Measures.unpack(it.measures)) for row, it in found if row is not None]


def _translate(trial: FinishedTrial, theirs: SearchSpace, space: SearchSpace) -> Row | None:
    """Return a Trial's point in this space; None where it lies outside, or has other parameters."""
    assignments = theirs.to_assignments(theirs.from_sparse(unpack_row(trial.vector)))
    axes = {axis.name: axis for axis in space.axes}
    if any(it.name not in axes or not axes[it.name].has(it.value) for it in assignments):
        return None
    try:
        row = space.to_row(assignments)
    except KeyError:
        return None
    is_same = len(assignments) == sum(space.activity(row))
    return row if is_same and space.allows(row) and not any(map(isnan, row)) else None
