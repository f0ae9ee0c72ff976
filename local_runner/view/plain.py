"""Plain lines: one at the start, one for each finished Trial, the result; for logs and pipes."""

from collections.abc import Sequence
from typing import TextIO

from events.envelope import Event
from functions.experiment.model import Experiment
from functions.explanation.durations import render_duration
from functions.trial.model import Trial, TrialState
from local_runner.view.look import Look
from local_runner.view.summary import summary_lines
from local_runner.view.words import (
    algorithm_name,
    render_assignments,
    render_goal,
    render_progress,
    shorten,
    value_text,
)


class PlainView:
    """The port `View`."""

    def __init__(self, output: TextIO, *, is_resumed: bool = False) -> None:
        self._output = output
        self._word = "resumed" if is_resumed else "created"
        self._counts: dict[str, int] = {}
        self._skips = is_resumed

    def hear(self, event: Event) -> None:
        """Do nothing: the rows say more than the events."""

    def show(self, looks: Sequence[Look]) -> None:
        """Write a line for each Trial that has finished."""
        for look in looks:
            uid = look.experiment.uid
            is_first = uid not in self._counts
            if is_first:
                self._counts[uid] = 0
                self.say(_first_line(look.experiment, self._word))
            for trial in look.finished:
                self._counts[uid] += 1
                if not (is_first and self._skips):
                    self.say(_finished_line(trial, look.experiment, self._counts[uid]))

    def say(self, text: str) -> None:
        """Write a line."""
        print(text, file=self._output, flush=True)

    def end(self, looks: Sequence[Look]) -> None:
        """Write the results."""
        for look in looks:
            if look.is_over:
                self.say("\n".join(summary_lines(look)))

    def close(self) -> None:
        """Do nothing: no terminal is held."""


def _first_line(experiment: Experiment, word: str) -> str:
    spec = experiment.spec
    most = f"{spec.max_trial_count} Trials" if spec.max_trial_count is not None else "no limit of Trials"
    plan = f"{render_goal(spec)}; {algorithm_name(spec)}; {most}, {experiment.parallel_trial_count} at a time"
    done = f"; {render_progress(experiment)} done" if experiment.completed_count and word == "resumed" else ""
    return f"experiment.kubeflow.org/{experiment.name} {word}: {plan}{done}"


def _finished_line(trial: Trial, experiment: Experiment, count: int) -> str:
    most = experiment.spec.max_trial_count
    place = f"{count}/{most}" if most is not None else str(count)
    name = experiment.objective.objective_metric_name
    value = value_text(trial, experiment)
    parts = [f"[{place}] {trial.name} {trial.state}"]
    parts += [f"{name}={shorten(value)}"] if value else []
    parts += [f"({render_assignments(trial.assignments)})"]
    if trial.started_at and trial.completed_at:
        parts.append(render_duration((trial.completed_at - trial.started_at).total_seconds()))
    if trial.state in {TrialState.FAILED, TrialState.METRICS_UNAVAILABLE}:
        parts.append(_why(trial))
    if trial.is_hidden:
        parts.append("- deleted")
    if experiment.optimal is not None and experiment.optimal.best_trial_name == trial.name:
        parts.append("best so far")
    return " ".join(part for part in parts if part)


def _why(trial: Trial) -> str:
    words = trial.message.splitlines()[0] if trial.message else trial.reason
    return f"- {words[:200]}" if words else ""
