"""Resources as `kubectl get` shows them: the object, and the cells of its line."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from events.experiment import ExperimentResource
from events.resource import Condition
from events.suggestion import SuggestionResource
from events.trial import TrialResource
from functions.experiment.model import Experiment
from functions.experiment.view import to_resource as experiment_resource
from functions.suggestion.view import to_resource as suggestion_resource
from functions.trial.model import Trial
from functions.trial.view import to_resource as trial_resource
from infra.store.reader import SQLReader
from local_runner.cli.kinds import Kind
from local_runner.view.table import render_age
from local_runner.view.words import optimal_text, render_assignments, render_progress, shorten, value_text

Resource = ExperimentResource | TrialResource | SuggestionResource

HEADERS: Mapping[Kind, Sequence[str]] = {
    Kind.EXPERIMENTS: ("NAME", "TYPE", "STATUS", "AGE"),
    Kind.TRIALS: ("NAME", "TYPE", "STATUS", "AGE"),
    Kind.SUGGESTIONS: ("NAME", "TYPE", "STATUS", "REQUESTED", "ASSIGNED", "AGE"),
}
"""Katib's printer columns."""

WIDE_HEADERS: Mapping[Kind, Sequence[str]] = {
    Kind.EXPERIMENTS: ("TRIALS", "RUNNING", "BEST", "BEST TRIAL", "PARAMETERS"),
    Kind.TRIALS: ("EXPERIMENT", "VALUE", "DURATION", "ATTEMPT", "PARAMETERS"),
    Kind.SUGGESTIONS: ("ALGORITHM",),
}

_NONE = "<none>"


@dataclass(frozen=True, slots=True)
class Item:
    """One resource and its line; `wide` are the cells that `-o wide` adds."""

    resource: Resource
    cells: tuple[str, ...]
    wide: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look: one namespace or (None) all, and one Experiment or (empty) all."""

    namespace: str | None
    experiment: str = ""


async def read_items(reader: SQLReader, kind: Kind, scope: Scope) -> AsyncIterator[Item]:
    """Yield every resource of the kind, oldest Experiment first."""
    for experiment in await reader.experiments(scope.namespace):
        if scope.experiment in {"", experiment.name}:
            match kind:
                case Kind.EXPERIMENTS:
                    yield await read_experiment_item(reader, experiment)
                case Kind.TRIALS:
                    for trial in await reader.all_trials(experiment.uid):
                        yield to_trial_item(trial, experiment)
                case Kind.SUGGESTIONS:
                    async for item in _read_suggestion(reader, experiment):
                        yield item


async def read_experiment_item(reader: SQLReader, experiment: Experiment) -> Item:
    """Return the Experiment with the names of its Trials."""
    resource = experiment_resource(experiment, await reader.trial_names(experiment.uid))
    best = experiment.optimal
    wide = (
        render_progress(experiment),
        str(experiment.running),
        shorten(optimal_text(experiment)) or _NONE,
        (best.best_trial_name if best else "") or _NONE,
        render_assignments(best.parameter_assignments if best else ()) or _NONE,
    )
    return Item(resource, _cells(resource, experiment.conditions), wide)


def to_trial_item(trial: Trial, experiment: Experiment) -> Item:
    """Return the Trial with what it has reported so far."""
    resource = trial_resource(trial, experiment)
    wide = (
        experiment.name,
        shorten(value_text(trial, experiment)) or _NONE,
        _duration(trial),
        str(trial.attempt),
        render_assignments(trial.assignments),
    )
    return Item(resource, _cells(resource, resource.status.conditions), wide)


async def _read_suggestion(reader: SQLReader, experiment: Experiment) -> AsyncIterator[Item]:
    suggestion = await reader.suggestion(experiment.uid)
    if suggestion is not None:
        resource = suggestion_resource(suggestion, experiment, await reader.all_trials(experiment.uid))
        counts = (str(resource.spec.requests), str(resource.status.suggestion_count))
        cells = _cells(resource, resource.status.conditions)
        yield Item(resource, (*cells[:3], *counts, cells[3]), (suggestion.algorithm,))


def _cells(resource: Resource, conditions: Sequence[Condition]) -> tuple[str, ...]:
    """Return name, type and status of the last condition, and age."""
    last = conditions[-1] if conditions else None
    age = render_age(resource.metadata.creation_timestamp, datetime.now(UTC))
    return (resource.metadata.name, last.type if last else "", last.status if last else "", age)


def _duration(trial: Trial) -> str:
    return render_age(trial.started_at, trial.completed_at or datetime.now(UTC)) if trial.started_at else _NONE
