"""The live view: progress, expected time, what runs and what is best so far, redrawn in place with Rich."""

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from events.envelope import Event
from functions.experiment.model import Experiment
from functions.experiment.reasons import Phase
from functions.trial.model import Trial
from local_runner.view.look import Look
from local_runner.view.summary import summary_lines
from local_runner.view.words import (
    algorithm_name,
    optimal_text,
    render_assignments,
    render_counts,
    render_goal,
    render_progress,
    shorten,
)

_FRAME_LINES = 11
"""Lines of one Experiment besides its running Trials, and one for the cursor."""
_FEWEST_ROWS = 2


class LiveView:
    """The port `View`."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._live: Live | None = None

    def hear(self, event: Event) -> None:
        """Do nothing: the rows say more than the events."""

    def show(self, looks: Sequence[Look]) -> None:
        """Draw anew."""
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        rows = max(_FEWEST_ROWS, self._console.height // max(1, len(looks)) - _FRAME_LINES)
        self._live.update(Group(*(render_look(look, rows) for look in looks)), refresh=True)

    def say(self, text: str) -> None:
        """Write a line above the drawing."""
        self._console.print(Text(text), soft_wrap=True)

    def end(self, looks: Sequence[Look]) -> None:
        """Replace the drawing by the results."""
        self.close()
        for look in looks:
            if look.is_over:
                first, *rest = summary_lines(look)
                is_good = look.experiment.phase == Phase.SUCCEEDED and look.experiment.deleted_at is None
                self._console.print(Text(first, style="bold green" if is_good else "bold red"), soft_wrap=True)
                self.say("\n".join(rest))

    def close(self) -> None:
        """Give the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def render_look(look: Look, most_rows: int) -> RenderableType:
    """Return the drawing of one Experiment."""
    return Group(*_head(look), Text(), *_best(look.experiment), Text(), _running(look, most_rows), Text())


def _head(look: Look) -> Iterator[RenderableType]:
    it = look.experiment
    plan = f"{render_goal(it.spec)} · {algorithm_name(it.spec)}"
    title = Text.assemble((it.name, "bold"), "  ", (plan, "dim"))
    since = it.restarted_at or it.created_at
    times = f"{clock_text((look.now - since).total_seconds())} elapsed"
    if look.remaining_seconds is not None:
        times += f", about {clock_text(look.remaining_seconds)} left"
    line = Table.grid(expand=True)
    line.add_column(ratio=1, no_wrap=True)
    line.add_column(justify="right", no_wrap=True)
    line.add_row(title, Text(times))
    yield line
    progress = Table.grid(expand=True, padding=(0, 2, 0, 0))
    progress.add_column(ratio=1)
    progress.add_column(no_wrap=True)
    most = it.spec.max_trial_count
    progress.add_row(
        ProgressBar(total=most, completed=it.completed_count, pulse=most is None),
        Text(f"{render_progress(it)} Trials"),
    )
    yield progress
    yield Text(render_counts(it), style="dim")


def _best(experiment: Experiment) -> Iterator[RenderableType]:
    best = experiment.optimal
    if best is None:
        yield Text("Best so far  no Trial has finished yet", style="dim")
        return
    name = experiment.objective.objective_metric_name
    value = (f"{name}={shorten(optimal_text(experiment))}", "bold green")
    yield Text.assemble("Best so far  ", value, f"  {best.best_trial_name}")
    yield Text(f"             {render_assignments(best.parameter_assignments)}", overflow="ellipsis", no_wrap=True)


def _running(look: Look, most_rows: int) -> RenderableType:
    """Return the table of the Trials that have not ended, the oldest first."""
    if not look.active:
        return Text("No Trial is running", style="dim")
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    metric = look.experiment.objective.objective_metric_name
    table.add_row(*(Text(word, style="dim") for word in ("Running", "Time", f"Latest {metric}", "Parameters")))
    for trial in look.active[:most_rows]:
        table.add_row(*(Text(cell) for cell in _cells(trial, look)))
    left = len(look.active) - most_rows
    return Group(table, Text(f"and {left} more", style="dim")) if left > 0 else table


def _cells(trial: Trial, look: Look) -> tuple[str, ...]:
    latest = trial.fold.metrics.get(look.experiment.objective.objective_metric_name)
    since = clock_text((look.now - trial.started_at).total_seconds()) if trial.started_at else trial.state.lower()
    return trial.name, since, shorten(latest.latest) if latest else "–", render_assignments(trial.assignments)


def clock_text(seconds: float) -> str:
    """Return `0:07`, `12:34` or `1:02:03`."""
    minutes, second = divmod(max(0, round(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
