"""The plots, drawn with Plotly, by Optuna where it can, or a sentence where there is nothing to draw.

A search for an architecture has no plots that compare parameters, since it has none.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from events.experiment import ExperimentSpec
from local_runner.report.material import Material
from local_runner.report.pareto import DRAWN, draw_front

if TYPE_CHECKING:
    from optuna.study import Study
    from plotly.graph_objects import Figure

_HEIGHT_PIXELS = 460


@dataclass(frozen=True, slots=True)
class Plot:
    """One section of the report: a figure, or why there is none."""

    title: str
    figure: "Figure | None" = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A plot and what it needs: so many Trials, so many parameters with more than one value tried."""

    title: str
    draw: Callable[["Study", Material], "Figure"]
    trial_count: int
    varied_count: int


def draw_plots(material: Material) -> Iterator[Plot]:
    """Yield the plots in the order of the page."""
    from optuna.logging import WARNING, get_verbosity, set_verbosity

    verbosity = get_verbosity()
    set_verbosity(WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Optuna's experimental parts and of NumPy on degenerate histories
        study = material.to_study()
        plots = [_draw(drawing, material, study) for drawing in _choose(material.experiment.spec)]
    set_verbosity(verbosity)
    yield from plots


def _choose(spec: ExperimentSpec) -> tuple["_Drawing", ...]:
    front = (_FRONT,) if len(spec.objectives or ()) in DRAWN else ()
    return (*front, *(_DRAWINGS[:1] if spec.nas_config else _DRAWINGS))


def _draw(drawing: _Drawing, material: Material, study: "Study") -> Plot:
    reason = _missing(drawing, material, study)
    if reason:
        return Plot(drawing.title, reason=reason)
    try:
        figure = drawing.draw(study, material)
    except (ArithmeticError, RuntimeError, ValueError) as error:
        return Plot(drawing.title, reason=f"This plot cannot be drawn from these Trials: {error}.")
    figure.update_layout(title=None, height=_HEIGHT_PIXELS, margin={"t": 40, "r": 40}, template="plotly_white")
    return Plot(drawing.title, figure)


def _missing(drawing: _Drawing, material: Material, study: "Study") -> str:
    """Say what the plot lacks; empty where it lacks nothing."""
    count = len(study.trials)
    if count == 0 and material.has_texts:
        return "The objective is a text, so there is nothing to draw over time."
    if count == 0:
        return "No Trial has reported the objective, so there is nothing to draw."
    if count < drawing.trial_count:
        return f"This plot compares Trials: it needs at least {drawing.trial_count} with a value, and there is {count}."
    names = [it.name for it in material.experiment.spec.parameters]
    varied = [name for name in names if len({str(trial.params.get(name)) for trial in study.trials}) > 1]
    if len(varied) < drawing.varied_count:
        return "This plot compares values of a parameter, and only one value of each was tried."
    if drawing.varied_count and len({trial.value for trial in study.trials}) == 1:
        return "Every Trial has the same value, so no parameter matters more than another."
    return ""


def _history(study: "Study", material: Material) -> "Figure":
    from optuna.visualization import plot_optimization_history

    return plot_optimization_history(study, target_name=material.objective_name)


def _parallel(study: "Study", material: Material) -> "Figure":
    from optuna.visualization import plot_parallel_coordinate

    return plot_parallel_coordinate(study, target_name=material.objective_name)


def _importance(study: "Study", material: Material) -> "Figure":
    from optuna.importance import PedAnovaImportanceEvaluator
    from optuna.visualization import plot_param_importances

    return plot_param_importances(study, evaluator=PedAnovaImportanceEvaluator(), target_name=material.objective_name)


def _pareto(_: "Study", material: Material) -> "Figure":
    return draw_front(material)


_FRONT = _Drawing("Pareto front", _pareto, trial_count=1, varied_count=0)
_DRAWINGS = (
    _Drawing("Optimization history", _history, trial_count=1, varied_count=0),
    _Drawing("Parallel coordinates", _parallel, trial_count=1, varied_count=0),
    _Drawing("Parameter importance", _importance, trial_count=4, varied_count=1),
)
