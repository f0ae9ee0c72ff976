"""Write the report: one HTML file that holds everything it needs."""

import os
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from string import Template

from events.search_space import Operation
from functions.explanation.durations import render_duration
from functions.observation.fold import to_number
from functions.trial.model import Trial
from local_runner.report.architecture import render_architecture
from local_runner.report.material import Material
from local_runner.report.plots import Plot, draw_plots
from local_runner.view.front import front_rows
from local_runner.view.words import algorithm_name, optimal_text, render_counts, render_goal, render_space

MOST_ROWS = 2_000
"""Rows of the table: a browser shows so many at once; the plots have all."""

_PAGE = Path(__file__).with_name("page.html")


def write_report(material: Material, path: Path) -> None:
    """Write the page, whole or not at all. Raises OSError."""
    page = render_page(material)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(page, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def render_page(material: Material) -> str:
    """Return the page."""
    plots = list(draw_plots(material))
    it = material.experiment
    names = [axis.name for axis in it.spec.parameters]
    headers = ["Trial", "State", it.objective.objective_metric_name or "Value", *names, "Duration"]
    shown = list(material.trials)[:MOST_ROWS]
    note = f"<p>The first {MOST_ROWS} of {len(material.trials)}.</p>" if len(shown) < len(material.trials) else ""
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        title=escape(it.name),
        state=escape(it.conditions[-1].message),
        plotly=_plotly_js() if any(plot.figure for plot in plots) else "",
        facts="".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in _facts(material)),
        architecture=render_architecture(it),
        plots="\n".join(map(_section, plots)),
        note=note,
        headers=_cells("th", headers),
        rows="\n".join(_row(material, trial, names) for trial in shown),
    )


def _plotly_js() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _section(plot: Plot) -> str:
    if plot.figure is None:
        body = f'<p class="reason">{escape(plot.reason)}</p>'
    else:
        body = plot.figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})
    return f"<h2>{escape(plot.title)}</h2>\n{body}"


def _facts(material: Material) -> Iterator[tuple[str, str]]:
    it = material.experiment
    yield "Objective", render_goal(it.spec)
    yield "Algorithm", algorithm_name(it.spec)
    yield "Trials", f"{it.created_count}: {render_counts(it)}"
    if it.completed_at:
        yield "Time", render_duration((it.completed_at - it.created_at).total_seconds())
    yield from (
        (f"Space of {axis.name}", f"{axis.parameter_type}: {render_space(axis)}") for axis in it.spec.parameters
    )
    if it.spec.nas_config is not None:
        yield "Layers", str(it.spec.nas_config.graph_config.num_layers)
        yield from (_operation(one) for one in it.spec.nas_config.operations)
    if it.spec.constraints:
        yield "Feasible", f"{it.feasible_count} of {it.succeeded + it.early_stopped} results"
    yield from (("Pareto front", ", ".join(row[:-1])) for row in (front_rows(it)[1:] if it.front else ()))
    if it.optimal is not None:
        yield "Optimal Trial", it.optimal.best_trial_name
        yield it.objective.objective_metric_name, optimal_text(it)
        yield from ((assignment.name, assignment.value) for assignment in it.optimal.parameter_assignments)


def _operation(operation: Operation) -> tuple[str, str]:
    spaces = "; ".join(f"{axis.name}: {render_space(axis)}" for axis in operation.parameters)
    return f"Operation {operation.operation_type}", spaces


def _row(material: Material, trial: Trial, names: Iterable[str]) -> str:
    it = material.experiment
    given = {assignment.name: assignment.value for assignment in trial.assignments}
    text = trial.fold.text_of(it.objective) if trial.fold.metrics else ""
    took = (trial.completed_at - trial.started_at).total_seconds() if trial.started_at and trial.completed_at else None
    cells = [trial.name, trial.state, text, *(_number(given.get(name, "")) for name in names)]
    cells.append("" if took is None else f"{took:.1f} s")
    is_best = it.optimal is not None and it.optimal.best_trial_name == trial.name
    mark = ' class="best"' if is_best else ""
    return f"<tr{mark}>{_cells('td', cells)}</tr>"


def _number(text: str) -> str:
    """Return a long number with eight digits of sense; other text as it is."""
    number = to_number(text)
    return text if number is None or len(text) <= 10 else f"{number:.8g}"  # noqa: PLR2004 - eight, a point and a zero


def _cells(tag: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)
