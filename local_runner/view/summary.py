"""The last words about an Experiment: how it ended, its optimal Trial, and where to look when it failed."""

from collections.abc import Iterator

from functions.experiment.model import Experiment
from functions.experiment.reasons import Phase
from functions.explanation.durations import render_duration
from local_runner.view.front import front_lines
from local_runner.view.look import Look
from local_runner.view.words import command_for, folded_text, render_counts, render_progress

_MOST_LINES = 20


def summary_lines(look: Look) -> Iterator[str]:
    """Yield the lines."""
    it = look.experiment
    yield _verdict(look)
    if it.deleted_at is None:
        yield f"Trials      {render_progress(it)}: {render_counts(it)}"
        yield from _optimal_lines(it)
        yield from front_lines(it)
        if it.failed or it.metrics_unavailable:
            yield f"Failures    {command_for('get trials', it, name='-o wide')} --experiment {it.name}"


def _verdict(look: Look) -> str:
    it = look.experiment
    if it.deleted_at is not None:
        return f"Experiment {it.name} was deleted"
    if not it.is_completed:
        return f"Experiment {it.name} has not ended"
    last = it.conditions[-1]
    since = it.restarted_at or it.created_at
    took = render_duration(((it.completed_at or look.now) - since).total_seconds())
    words = last.message.splitlines() or [last.reason]
    lines = "\n".join(words[:_MOST_LINES])
    outcome = "Succeeded" if it.phase == Phase.SUCCEEDED else "Failed"
    return f"Experiment {it.name}: {outcome} after {took}: {lines}"


def _optimal_lines(experiment: Experiment) -> Iterator[str]:
    best = experiment.optimal
    if best is None:
        has_none_feasible = experiment.spec.constraints and experiment.succeeded and not experiment.feasible_count
        reason = "no Trial meets spec.constraints" if has_none_feasible else "no Trial has reported the objective"
        yield f"Optimal     {reason}"
        return
    yield f"Optimal     {best.best_trial_name}"
    pairs = [(it.name, folded_text(experiment, it)) for it in best.observation.metrics]
    pairs += [(it.name, it.value) for it in best.parameter_assignments]
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        yield f"            {name.ljust(width)}  {value}"
