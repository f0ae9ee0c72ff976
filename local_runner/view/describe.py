"""An Experiment or a Trial in detail, in the layout of `kubectl describe`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from events.resource import Condition
from functions.experiment.model import Experiment
from functions.explanation.durations import render_duration
from functions.trial.model import Trial
from local_runner.view.front import front_lines, render_feasibility
from local_runner.view.table import render_table
from local_runner.view.words import (
    algorithm_name,
    optimal_text,
    render_assignments,
    render_counts,
    render_goal,
    render_space,
    shorten,
    value_text,
)

MOST_TRIALS = 50
"""Trials of one description, the newest; `kubectl get trials` has the rest."""
_KEY_WIDTH = 14


def describe_experiment(experiment: Experiment, trials: Sequence[Trial], *, note: str = "") -> Iterator[str]:
    """Yield the lines; the note is what the algorithm says of its search."""
    it = experiment
    yield from _identity(it.name, it.namespace, it.uid, it.labels)
    yield from _pair("Annotations", _labels(it.annotations))
    yield from _pair("Created", _time(it.created_at))
    yield from _pair("Completed", _time(it.completed_at))
    yield from _pair("Status", it.phase)
    yield from _pair("Objective", render_goal(it.spec))
    yield from _pair("Algorithm", _algorithm(it))
    if note:
        yield from _pair("  Now", note)
    yield from _pair("Resume policy", it.spec.resume_policy)
    yield from _pair("Target", it.target or _kind(it))
    yield "Budget:"
    yield from _pair("  Max trials", _count(it.spec.max_trial_count))
    yield from _pair("  Parallel", str(it.parallel_trial_count))
    yield from _pair("  Max failed", _count(it.spec.max_failed_trial_count))
    yield "Parameters:"
    rows = [(axis.name, axis.parameter_type.value, render_space(axis)) for axis in it.spec.parameters]
    yield from _indented([("Name", "Type", "Space"), *rows])
    yield from _optimal(it)
    yield from front_lines(it)
    yield from _conditions(it.conditions)
    yield from _trials(it, trials)


def describe_trial(trial: Trial, experiment: Experiment, conditions: Sequence[Condition], log: str) -> Iterator[str]:
    """Yield the lines."""
    yield from _identity(trial.name, trial.namespace, trial.uid, trial.labels)
    yield from _pair("Experiment", experiment.name)
    yield from _pair("Number", str(trial.number))
    yield from _pair("Created", _time(trial.created_at))
    yield from _pair("Started", _time(trial.started_at))
    yield from _pair("Completed", _time(trial.completed_at))
    if trial.started_at:
        end = trial.completed_at or datetime.now(UTC)
        yield from _pair("Duration", render_duration((end - trial.started_at).total_seconds()))
    yield from _pair("Status", trial.state)
    yield from _pair("Reason", trial.reason or "<none>")
    yield from _pair("Message", trial.message or "<none>")
    yield from _pair("Failure class", trial.failure or "<none>")
    yield "Worker:"
    yield from _pair("  Target", trial.target)
    yield from _pair("  Attempt", str(trial.attempt))
    yield from _pair("  Host", trial.host or "<none>")
    yield from _pair("  Reference", trial.reference or "<none>")
    yield from _pair("  Log", log)
    yield from _attempts(trial)
    yield "Assignments:"
    yield from _indented([("Name", "Value"), *((it.name, it.value) for it in trial.assignments)])
    yield from _observation(trial, experiment)
    yield from _conditions(conditions)


def _attempts(trial: Trial) -> Iterator[str]:
    """Yield the attempts before the current one; most Trials have none."""
    if not trial.attempts:
        return
    yield "Earlier attempts:"
    headers = ("Attempt", "Host", "Class", "Reason", "Started", "Ended", "Message")
    rows = (
        (
            str(it.attempt),
            it.host or "<none>",
            it.failure_class.value,
            it.reason or "<none>",
            _time(it.started_at),
            _time(it.ended_at),
            it.message or "<none>",
        )
        for it in trial.attempts
    )
    yield from _indented([headers, *rows])
    if trial.retry_at:
        yield from _pair("Next attempt", f"{trial.attempt}, at {_time(trial.retry_at)}")


def _identity(name: str, namespace: str, uid: str, labels: Mapping[str, str]) -> Iterator[str]:
    yield from _pair("Name", name)
    yield from _pair("Namespace", namespace)
    yield from _pair("UID", uid)
    yield from _pair("Labels", _labels(labels))


def _pair(key: str, value: str) -> Iterator[str]:
    """Yield `Key:   value`; further lines of the value stand under its first."""
    first, *rest = value.splitlines() or [""]
    yield f"{key}:".ljust(_KEY_WIDTH) + " " + first
    yield from (" " * (_KEY_WIDTH + 1) + line for line in rest)


def _indented(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    return (f"  {line}" for line in render_table(rows))


def _labels(labels: Mapping[str, str]) -> str:
    return "\n".join(f"{key}={value}" for key, value in sorted(labels.items())) or "<none>"


def _time(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S %z") if at else "<none>"


def _count(count: int | None) -> str:
    return "no limit" if count is None else str(count)


def _algorithm(experiment: Experiment) -> str:
    algorithm = experiment.spec.algorithm
    settings = ", ".join(f"{it.name}={it.value}" for it in algorithm.algorithm_settings) if algorithm else ""
    return algorithm_name(experiment.spec) + (f" ({settings})" if settings else "")


def _kind(experiment: Experiment) -> str:
    template = experiment.spec.trial_template
    manifest = (template.manifest if template else None) or {}
    return f"as {manifest.get('apiVersion')} {manifest.get('kind')} says"


def _optimal(experiment: Experiment) -> Iterator[str]:
    best = experiment.optimal
    if best is None:
        yield from _pair("Optimal trial", "<none>")
        return
    yield "Optimal trial:"
    yield from _pair("  Name", best.best_trial_name)
    yield from _pair("  Value", f"{experiment.objective.objective_metric_name}={optimal_text(experiment)}")
    yield from _pair("  Assignments", "\n".join(f"{it.name}={it.value}" for it in best.parameter_assignments))


def _observation(trial: Trial, experiment: Experiment) -> Iterator[str]:
    yield "Observation:"
    metrics = trial.fold.to_observation(experiment.objective).metrics if trial.fold.metrics else ()
    if metrics:
        yield from _indented(
            [("Metric", "Min", "Max", "Latest"), *((it.name, it.min, it.max, it.latest) for it in metrics)]
        )
    else:
        yield "  <none>"
    if feasibility := render_feasibility(trial, experiment):
        yield from _pair("Constraints", feasibility)


def _conditions(conditions: Sequence[Condition]) -> Iterator[str]:
    yield "Conditions:"
    headers = ("Type", "Status", "LastTransitionTime", "Reason", "Message")
    rows = [(it.type, it.status.value, _time(it.last_transition_time), it.reason, it.message) for it in conditions]
    yield from _indented([headers, *rows])


def _trials(experiment: Experiment, trials: Sequence[Trial]) -> Iterator[str]:
    yield from _pair("Trials", f"{experiment.created_count}: {render_counts(experiment)}")
    if not trials:
        return
    shown = trials[-MOST_TRIALS:]
    rows = [
        (it.name, it.state.value, shorten(value_text(it, experiment)) or "<none>", render_assignments(it.assignments))
        for it in shown
    ]
    yield from _indented([("Name", "State", experiment.objective.objective_metric_name, "Assignments"), *rows])
    if len(shown) < len(trials):
        yield f"  ... and {len(trials) - len(shown)} before them"
