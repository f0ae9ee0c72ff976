"""What is there of one kind in one place: each resource with what tells whether it has changed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from events.experiment import ExperimentResource
from events.suggestion import SuggestionResource
from events.trial import TrialResource
from functions.api.kinds import Kind
from functions.api.ports import Reader
from functions.experiment.model import Experiment
from functions.experiment.view import to_resource as experiment_resource
from functions.suggestion.model import Suggestion
from functions.suggestion.view import to_resource as suggestion_resource
from functions.trial.model import Trial
from functions.trial.view import EXPERIMENT_LABEL
from functions.trial.view import to_resource as trial_resource

Resource = ExperimentResource | TrialResource | SuggestionResource

WHOLE_LOOKS = 40
"""Every so many quick looks the Trials that have ended are read as well: one may have been deleted by hand."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look: one namespace or (None) all; one name, or what belongs to one Experiment, where they are given."""

    kind: Kind
    namespace: str | None = None
    name: str = ""
    experiment: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """One resource as it was found; two with the same fingerprint look the same."""

    uid: str
    name: str
    namespace: str
    labels: Mapping[str, str]
    fingerprint: Hashable
    version: int
    """The row's version, where it has one."""
    render: Callable[[], Awaitable[Resource]]


@dataclass(slots=True)
class _Trials:
    """The Trials of one Experiment as they were last read."""

    rows: dict[int, Trial] = field(default_factory=dict)
    looks: int = 0


class Looker:
    """Looks at one scope again and again; Trials that have ended are not read anew each time."""

    def __init__(self, reader: Reader, scope: Scope) -> None:
        self._reader = reader
        self._scope = scope
        self._trials: dict[str, _Trials] = {}

    async def look(self, *, is_quick: bool = False) -> list[Seen]:
        """Return what is there now, what is oldest first; a quick look trusts that ended Trials are there still."""
        match self._scope.kind:
            case Kind.EXPERIMENTS:
                return [see_experiment(it, self._reader) for it in await self._experiments(self._scope.name)]
            case Kind.SUGGESTIONS:
                experiments = await self._experiments(self._scope.name or self._scope.experiment)
                return [seen for it in experiments async for seen in self._suggestions(it)]
            case Kind.TRIALS if self._scope.name and self._scope.namespace is not None:
                return await self._named_trial(self._scope.namespace)
            case Kind.TRIALS:
                return await self._all_trials(is_quick=is_quick)

    async def _experiments(self, name: str) -> Sequence[Experiment]:
        if name and self._scope.namespace is not None:
            found = await self._reader.experiment(self._scope.namespace, name)
            return [] if found is None else [found]
        return [it for it in await self._reader.experiments(self._scope.namespace) if name in {"", it.name}]

    async def _suggestions(self, experiment: Experiment) -> AsyncIterator[Seen]:
        suggestion = await self._reader.suggestion(experiment.uid)
        if suggestion is not None:
            yield _see_suggestion(suggestion, experiment, self._reader)

    async def _named_trial(self, namespace: str) -> list[Seen]:
        trial = await self._reader.trial(namespace, self._scope.name)
        experiment = await self._reader.experiment_of_uid(trial.experiment_uid) if trial else None
        if trial is None or experiment is None or experiment.deleted_at:
            return []
        return [see_trial(trial, experiment)]

    async def _all_trials(self, *, is_quick: bool) -> list[Seen]:
        experiments = await self._experiments(self._scope.experiment)
        uids = {experiment.uid for experiment in experiments}
        self._trials = {uid: known for uid, known in self._trials.items() if uid in uids}
        rows = [(trial, it) for it in experiments for trial in await self._read(it, is_quick=is_quick)]
        return [see_trial(*row) for row in rows if self._scope.name in {"", row[0].name}]

    async def _read(self, experiment: Experiment, *, is_quick: bool) -> Sequence[Trial]:
        """Return the Experiment's Trials: an ended one never changes, so only the others are read again."""
        known = self._trials.setdefault(experiment.uid, _Trials())
        if not is_quick or known.looks % WHOLE_LOOKS == 0:
            known.rows = {trial.number: trial for trial in await self._reader.all_trials(experiment.uid)}
        else:
            active = [number for number, trial in known.rows.items() if trial.is_active]
            after = max(known.rows, default=0)
            fresh = {it.number: it for it in await self._reader.trials_again(experiment.uid, active, after=after)}
            known.rows = {number: it for number, it in known.rows.items() if number not in active} | fresh
        known.looks += 1
        return [known.rows[number] for number in sorted(known.rows)]


def see_experiment(experiment: Experiment, reader: Reader) -> Seen:
    """Return the Experiment; any change of it or of its Trials' states moves its version."""

    async def render() -> ExperimentResource:
        return experiment_resource(experiment, await reader.trial_names(experiment.uid))

    version = experiment.version
    return Seen(experiment.uid, experiment.name, experiment.namespace, experiment.labels, version, version, render)


def _see_suggestion(suggestion: Suggestion, experiment: Experiment, reader: Reader) -> Seen:
    async def render() -> SuggestionResource:
        return suggestion_resource(suggestion, experiment, await reader.all_trials(experiment.uid))

    labels = {**experiment.labels, EXPERIMENT_LABEL: experiment.name}
    mark = (experiment.version, suggestion.suggestion_count, suggestion.note, suggestion.error)
    uid = f"{experiment.uid}/suggestion"
    return Seen(uid, experiment.name, experiment.namespace, labels, mark, experiment.version, render)


def see_trial(trial: Trial, experiment: Experiment) -> Seen:
    """Return the Trial; what is not in its fingerprint does not change without it."""
    labels = {**experiment.labels, EXPERIMENT_LABEL: experiment.name, **trial.labels}
    counts = tuple(metric.count for metric in trial.fold.metrics.values())
    mark = (trial.state, trial.attempt, trial.started_at, trial.completed_at, trial.reason, counts)
    return Seen(trial.uid, trial.name, trial.namespace, labels, mark, 0, partial(_render_trial, trial, experiment))


async def _render_trial(trial: Trial, experiment: Experiment) -> TrialResource:
    return trial_resource(trial, experiment)
