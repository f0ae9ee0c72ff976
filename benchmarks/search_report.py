"""The tables and the plot of `benchmarks.search`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.search_contenders import OURS, PEERS
from benchmarks.search_runs import Record
from benchmarks.search_scores import Curves, Score, geometric_mean, relative_curves, score
from benchmarks.search_suite import TASKS
from benchmarks.search_tasks import HELD_OUT, TUNED

Report = dict[str, dict[str, dict[str, dict[str, float]]]]


def report(records: Sequence[Record], budgets: Sequence[int], parallels: Sequence[int]) -> Report:
    """Print a table for each half of the tasks and all of them; return the scores by setting, budget and contender."""
    result: Report = {}
    for parallel in parallels:
        for half in (TUNED, HELD_OUT, "all"):
            its = [it for it in records if half in {"all", TASKS[it.run.task].half}]
            curves = relative_curves(its, parallel)
            scores = {budget: score(curves, budget) for budget in budgets}
            if any(scores.values()):
                print_table(f"{setting(parallel)}, {half} tasks", scores)
                result[f"{setting(parallel)}, {half}"] = {
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
    import matplotlib.pyplot as plt

    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "search", "font.size": 9})
    figure, panels = plt.subplots(1, len(parallels), figsize=(5 * len(parallels), 4), sharey=True, squeeze=False)
    for panel, parallel in zip(panels[0], parallels, strict=True):
        for name, runs in sorted(relative_curves(records, parallel).items()):
            line = mean_curve(runs)
            panel.plot(
                range(1, len(line) + 1), line, label=name, color=color(name), linewidth=2 if name == "auto" else 1
            )
        panel.set(title=setting(parallel), xlabel="finished Trials", yscale="log")
    panels[0][0].set_ylabel("regret beside random search's after 60 Trials")
    panels[0][-1].legend(frameon=False, loc="upper right")
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


def mean_curve(runs: Curves) -> list[float]:
    """Return the geometric mean over tasks, as far as all runs go."""
    tasks, length = np.array([task for task, _ in runs]), min(map(len, runs.values()))
    return [geometric_mean(np.array([it[at] for it in runs.values()]), tasks) for at in range(length)]


def color(name: str) -> str:
    """Return the color of a contender, the same in every panel, whoever else is there."""
    names = [*OURS, *PEERS]
    return f"C{names.index(name) % 10}" if name in names else "black"


def setting(parallel: int) -> str:
    return "one by one" if parallel == 1 else f"{parallel} in parallel"
