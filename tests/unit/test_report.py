"""The HTML report: plots where they can be drawn, a sentence where not, and no network."""

import re
from pathlib import Path
from typing import Any

import pytest

from functions.trial.model import TrialState
from local_runner.report.material import Material
from local_runner.report.page import render_page, write_report
from local_runner.report.plots import Plot, draw_plots
from tests.unit.cli_material import a_past, assigned, finish, report

TITLES = ["Optimization history", "Parallel coordinates", "Parameter importance"]


def an_axis(name: str, kind: str, **space: Any) -> dict[str, Any]:
    return {"name": name, "parameterType": kind, "feasibleSpace": space}


def plots_of(material: Material) -> dict[str, Plot]:
    return {plot.title: plot for plot in draw_plots(material)}


def test_a_search_has_all_three_plots() -> None:
    plots = plots_of(Material(*a_past([0.9, 0.5, 0.7, 0.2, 0.4])))

    assert list(plots) == TITLES
    assert all(plot.figure is not None for plot in plots.values())


def test_the_history_follows_the_order_of_the_ends_and_the_direction() -> None:
    experiment, trials = a_past([], running=3)
    for index, value in ((2, 0.5), (0, 0.25), (1, 0.375)):
        finish(experiment, report(trials[index], value))

    figure = plots_of(Material(experiment, trials))["Optimization history"].figure

    assert figure is not None
    assert list(figure.data[0].y) == [0.5, 0.25, 0.375]
    assert list(figure.data[1].y) == [0.5, 0.25, 0.25]


def test_without_a_value_there_is_a_page_that_says_so() -> None:
    page = render_page(Material(*a_past([None, None])))

    assert page.count("No Trial has reported the objective") == 3
    assert "Failed" in page
    assert "Plotly" not in page


def test_one_trial_has_no_importances() -> None:
    plots = plots_of(Material(*a_past([0.5])))

    assert plots["Optimization history"].figure is not None
    assert "it needs at least 4" in plots["Parameter importance"].reason


def test_equal_values_have_no_importances() -> None:
    plots = plots_of(Material(*a_past([0.5] * 6)))

    assert "same value" in plots["Parameter importance"].reason


def test_parameters_that_never_varied_have_no_importances() -> None:
    experiment, trials = a_past([0.1, 0.2, 0.3, 0.4])
    for trial in trials:
        trial.assignments = assigned(x=0.5)

    assert "only one value" in plots_of(Material(experiment, trials))["Parameter importance"].reason


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        (an_axis("x", "categorical", list=["a", "b", "1"]), ["a", "b", "1", "a", "b"]),
        (an_axis("x", "discrete", list=["0.1", "1", "10"]), ["0.1", "1", "10", "1", "0.1"]),
        (an_axis("x", "int", min="1", max="9", step="3"), ["1", "4", "7", "1", "4"]),
        (an_axis("x", "double", min="1e-5", max="1", distribution="logUniform"), ["1e-5", "1", "0.1", "0.01", "0.001"]),
        (an_axis("x", "double", min="0", max="0.3"), ["0.30000000000000004", "0", "0.1", "0.2", "0.15"]),
    ],
)
def test_every_type_of_parameter_is_drawn(axis: dict[str, Any], values: list[str]) -> None:
    experiment, trials = a_past([0.9, 0.5, 0.7, 0.2, 0.4], parameters=[axis])
    for trial, value in zip(trials, values, strict=True):
        trial.assignments = assigned(x=value)

    plots = plots_of(Material(experiment, trials))

    assert [plot.reason for plot in plots.values()] == ["", "", ""]


def test_only_trials_with_a_usable_value_are_drawn() -> None:
    experiment, trials = a_past([0.5, None, 0.25], running=3)
    finish(experiment, trials[3], TrialState.METRICS_UNAVAILABLE)
    finish(experiment, report(trials[4], 0.125), TrialState.KILLED)

    assert [trial.value for trial in Material(experiment, trials).to_study().trials] == [0.5, 0.25]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(0.1, 9), (0.2, 1), (0.3, 5)], {"on the front": 2, "beaten": 1}),
        ([(0.1, 9), (0.2, 99), (None, 5)], {"on the front": 1, "breaks a constraint": 1}),
    ],
)
def test_two_objectives_have_a_pareto_front(rows: list[tuple[float | None, float]], expected: dict[str, int]) -> None:
    objectives = [{"type": "minimize", "objectiveMetricName": name} for name in ("loss", "size")]
    constraints = [{"metric": "size", "max": 10}]
    experiment, trials = a_past([], running=len(rows), objective=None, objectives=objectives, constraints=constraints)
    for trial, (loss, size) in zip(trials, rows, strict=True):
        if loss is not None:
            report(trial, loss)
        finish(experiment, report(trial, size, name="size"))

    figure = plots_of(Material(experiment, trials))["Pareto front"].figure

    assert figure is not None
    assert {trace.name: len(trace.x) for trace in figure.data} == expected
    assert figure.layout.yaxis.title.text == "size (minimize)"


def test_three_objectives_are_drawn_in_space_and_four_only_in_the_table() -> None:
    objectives = [{"type": "maximize", "objectiveMetricName": name} for name in ("loss", "a", "b", "c")]

    def front_of(count: int) -> Plot | None:
        experiment, (trial,) = a_past([], running=1, objective=None, objectives=objectives[:count])
        for name in ("a", "b", "c"):
            report(trial, 1, name=name)
        finish(experiment, report(trial, 0.5))
        return plots_of(Material(experiment, [trial])).get("Pareto front")

    three = front_of(3)
    assert three is not None
    assert three.figure is not None
    assert three.figure.data[0].z == (1.0,)
    assert front_of(4) is None


def test_the_page_needs_no_network_and_holds_plotly_once(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "digits.html"

    write_report(Material(*a_past([0.9, 0.5, 0.7, 0.2, 0.4])), path)

    page = path.read_text()
    assert re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", page) == []
    assert page.count("plotly.js v") == 1
    assert page.count('class="plotly-graph-div"') == 3
    assert [it.name for it in path.parent.iterdir()] == ["digits.html"]


def test_names_and_messages_are_no_markup() -> None:
    experiment, trials = a_past([0.5, 0.25])
    trials[0].assignments = assigned(x="<script>alert(1)</script>")

    page = render_page(Material(experiment, trials))

    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_dollar_in_a_value_stays_one() -> None:
    experiment, trials = a_past([None])
    trials[0].assignments = assigned(x="$title ${rows}")

    assert "$title ${rows}" in render_page(Material(experiment, trials))


def test_the_table_marks_the_optimal_trial() -> None:
    experiment, trials = a_past([0.5, 0.25])

    marked = re.findall(r'<tr class="best"><td>([^<]+)</td>', render_page(Material(experiment, trials)))

    assert marked == [trials[1].name]


def test_a_report_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OSError, match="file"):
        write_report(Material(*a_past([None])), tmp_path / "file" / "report.html")
