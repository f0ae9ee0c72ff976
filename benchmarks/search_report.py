"""The tables and the plot of `benchmarks.search`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.search_runs import Record
from benchmarks.search_scores import Score, geometric_mean, relative_curves, score
from benchmarks.search_suite import TASKS
from benchmarks.search_tasks import HELD_OUT, TUNED

Report = dict[str, dict[str, dict[str, dict[str, float]]]]


def report(records: Sequence[Record], budgets: Sequence[int], parallels: Sequence[int]) -> Report:
    """Print a table for each half of the tasks and all of them; return the scores by setting, budget and contender."""
    result: Report = {}
    for parallel in parallels:
        setting = "one by one" if parallel == 1 else f"{parallel} in parallel"
        for half in (TUNED, HELD_OUT, "all"):
            its = [it for it in records if half in {"all", TASKS[it.run.task].half}]
            curves = relative_curves(its, parallel)
            scores = {budget: score(curves, budget) for budget in budgets}
            if any(scores.values()):
                print_table(f"{setting}, {half} tasks", scores)
                result[f"{setting}, {half}"] = {
                    str(budget): {name: rounded(it) for name, it in row.items()} for budget, row in scores.items()
                }
    print_cpu(records)
    return result


def rounded(it: Score) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(it).items()}


def print_table(title: str, scores: dict[int, dict[str, Score]]) -> None:
    names = sorted({name for row in scores.values() for name in row}, key=lambda name: order(name, scores))
    print(f"\n{title}: regret (95 % interval), mean rank\n")
    counts = {budget: max((it.runs for it in row.values()), default=0) for budget, row in scores.items()}
    print("| | " + " | ".join(f"{budget} Trials, {counts[budget]} runs" for budget in scores) + " |")
    print("| --- |" + " --- |" * len(scores))
    for name in names:
        print(f"| {name} | " + " | ".join(cell(row.get(name)) for row in scores.values()) + " |")


def order(name: str, scores: dict[int, dict[str, Score]]) -> tuple[int, float]:
    """Sort by the rank at the largest budget that a contender has."""
    its = [row[name].rank for row in scores.values() if name in row]
    return -len(its), its[-1]


def cell(it: Score | None) -> str:
    return f"{it.regret:.3f} ({it.low:.3f}–{it.high:.3f}), {it.rank:.2f}" if it else "–"


def print_cpu(records: Sequence[Record]) -> None:
    """Print what the searches themselves took, per Trial."""
    print("\n| | CPU ms a Trial |\n| --- | --- |")
    for name in dict.fromkeys(record.run.algorithm for record in records):
        its = [it.cpu_s / len(it.curve) * 1_000 for it in records if it.run.algorithm == name]
        print(f"| {name} | {np.mean(its):.1f} |")


def write_plot(records: Sequence[Record], parallels: Sequence[int], file: Path) -> None:
    """Draw regret over Trials, a panel for each setting."""
    from plotly.subplots import make_subplots

    titles = ["one by one" if parallel == 1 else f"{parallel} in parallel" for parallel in parallels]
    figure = make_subplots(cols=len(parallels), subplot_titles=titles, shared_yaxes=True)
    for column, parallel in enumerate(parallels, 1):
        for name, runs in sorted(relative_curves(records, parallel).items()):
            tasks, length = np.array([task for task, _ in runs]), min(map(len, runs.values()))
            line = [geometric_mean(np.array([it[at] for it in runs.values()]), tasks) for at in range(length)]
            trace = {"type": "scatter", "y": line, "x": list(range(1, length + 1)), "name": name, "legendgroup": name}
            figure.add_trace({**trace, "showlegend": column == 1}, row=1, col=column)
    figure.update_yaxes(type="log", title="regret beside random search's after 60 Trials", col=1)
    figure.update_xaxes(title="finished Trials")
    figure.write_html(file, include_plotlyjs="cdn")
