"""The Pareto front of two or three objectives: every result, and those that no other one beats."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from events.objective import Objective
from functions.experiment.measuring import Measures
from functions.trial.model import Trial
from local_runner.report.material import Material

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

DRAWN = (2, 3)
"""As many objectives as a drawing has directions."""

_COLOURS: Mapping[str, str] = {"on the front": "#dc2626", "beaten": "#6366f1", "breaks a constraint": "#9ca3af"}


def draw_front(material: Material) -> "Figure":
    """Return a plane or a space of the objectives, one point a Trial, coloured by what became of it."""
    from plotly.graph_objects import Figure, Scatter, Scatter3d

    objectives = material.experiment.spec.objectives or ()
    points = list(_points(material, objectives))
    draw, axes = (Scatter, "xy") if len(objectives) == DRAWN[0] else (Scatter3d, "xyz")
    figure = Figure()
    for kind, colour in _COLOURS.items():
        chosen = [(name, values) for name, values, found in points if found == kind]
        if chosen:
            places = dict(zip(axes, zip(*(values for _, values in chosen), strict=True), strict=True))
            names = [name for name, _ in chosen]
            figure.add_trace(draw(mode="markers", name=kind, text=names, marker={"color": colour, "size": 7}, **places))
    titles = {
        f"{axis}axis": {"title": {"text": f"{it.objective_metric_name} ({it.type})"}}
        for axis, it in zip(axes, objectives, strict=True)
    }
    figure.update_layout(**titles if draw is Scatter else {"scene": titles})
    return figure


def _points(material: Material, objectives: tuple[Objective, ...]) -> Iterator[tuple[str, tuple[float, ...], str]]:
    """Yield each result: its Trial, its values, and what became of it."""
    front = {member.trial_name for member in material.experiment.front}
    for trial in material.usable:
        values = [trial.fold.value_of(material.experiment.objective, it.objective_metric_name) for it in objectives]
        if None not in values:
            yield trial.name, tuple(it for it in values if it is not None), _kind(trial, front)


def _kind(trial: Trial, front: set[str]) -> str:
    if not Measures.unpack(trial.measures).is_feasible:
        return "breaks a constraint"
    return "on the front" if trial.name in front else "beaten"
