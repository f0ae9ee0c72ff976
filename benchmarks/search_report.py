"""The tables and the plot of `benchmarks.search`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.search_contenders import OURS, PEERS, can_search
from benchmarks.search_runs import Record
from benchmarks.search_scores import Curves, Pair, Score, compare_pair, geometric_mean, relative_curves, score
from benchmarks.search_suite import TASKS
from benchmarks.search_tasks import HELD_OUT, TUNED

Report = dict[str, dict[str, dict[str, dict[str, float]]]]


def report(records: Sequence[Record], names: Sequence[str], budgets: Sequence[int], parallels: Sequence[int]) -> Report:
    """Print tables for each half of the tasks and all of them; return the scores by setting, budget and contender.

    The records are of all contenders, whoever is shown: what is the least loss, where it is not known, depends on all.
    """
    result: Report = {}
    for parallel in parallels:
        curves = relative_curves(records, parallel)
        for half in (TUNED, HELD_OUT, "all"):
            shown = {name: part(curves[name], half) for name in names if name in curves}
            title = f"{setting(parallel)}, {half}"
            able = {name: runs for name, runs in shown.items() if is_able(name, shown)}
            result |= report_scores(title, able, budgets)
            result |= report_pairs(title, shown, budgets)
    print_cpu([it for it in records if it.run.algorithm in names])
    return result


def part(curves: Curves, half: str) -> Curves:
    return {key: it for key, it in curves.items() if half in {"all", TASKS[key[0]].half}}


def is_able(name: str, shown: dict[str, Curves]) -> bool:
    """Tell whether a contender can search everything that is shown; others are in the pairs alone."""
    return all(can_search(name, TASKS[task].space) for task in {task for runs in shown.values() for task, _ in runs})


def report_scores(title: str, curves: dict[str, Curves], budgets: Sequence[int]) -> Report:
    scores = {budget: row for budget in budgets if (row := score(curves, budget))}
    if not scores:
        return {}
    print_table(f"{title} tasks", scores)
    return {title: {str(budget): {name: rounded(it) for name, it in row.items()} for budget, row in scores.items()}}


def report_pairs(title: str, curves: dict[str, Curves], budgets: Sequence[int]) -> Report:
    """Compare the contender named first with each other one, on the runs that these two have."""
    ours, *others = curves
    pairs = {
        budget: {name: it for name in others if (it := compare_pair(curves[ours], curves[name], budget))}
        for budget in budgets
    }
    pairs = {budget: row for budget, row in pairs.items() if row}
    if not pairs:
        return {}
    print_pairs(f"{title} tasks, {ours} beside each", pairs)
    its = {str(budget): {name: rounded(it) for name, it in row.items()} for budget, row in pairs.items()}
    return {f"{title}, {ours} beside each": its}


def rounded(it: Score | Pair) -> dict[str, float]:
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


def print_pairs(title: str, pairs: dict[int, dict[str, Pair]]) -> None:
    names = dict.fromkeys(name for row in pairs.values() for name in row)
    print(f"\n{title}: its regret ÷ the other's (95 % interval), its mean rank of the two, runs and tasks of both\n")
    print("| | " + " | ".join(f"{budget} Trials" for budget in pairs) + " |")
    print("| --- |" + " --- |" * len(pairs))
    for name in names:
        print(f"| {name} | " + " | ".join(pair_cell(row.get(name)) for row in pairs.values()) + " |")


def pair_cell(it: Pair | None) -> str:
    return f"{it.ratio:.2f} ({it.low:.2f}–{it.high:.2f}), {it.rank:.2f}, {it.runs} of {it.tasks}" if it else "–"


def print_cpu(records: Sequence[Record]) -> None:
    """Print what the searches themselves took, per Trial."""
    print("\n| | CPU ms a Trial |\n| --- | --- |")
    for name in dict.fromkeys(record.run.algorithm for record in records):
        its = [it.cpu_s / len(it.curve) * 1_000 for it in records if it.run.algorithm == name]
        print(f"| {name} | {np.mean(its):.1f} |")


def write_plot(records: Sequence[Record], names: Sequence[str], parallels: Sequence[int], file: Path) -> None:
    """Draw regret over Trials, a panel for each setting."""
    import matplotlib.pyplot as plt

    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "search", "font.size": 9})
    figure, panels = plt.subplots(1, len(parallels), figsize=(5 * len(parallels), 4), sharey=True, squeeze=False)
    for panel, parallel in zip(panels[0], parallels, strict=True):
        curves = relative_curves(records, parallel)
        for name in sorted(curves.keys() & set(names)):
            line, width = mean_curve(curves[name]), 2 if name == "auto" else 1
            panel.plot(range(1, len(line) + 1), line, label=name, color=color(name), linewidth=width)
        panel.set(title=setting(parallel), xlabel="finished Trials", yscale="log")
    panels[0][0].set_ylabel("regret beside random search's after 60 Trials")
    panels[0][0].legend(frameon=False, loc="upper right")
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


def mean_curve(runs: Curves) -> list[float]:
    """Return the geometric mean over tasks, as far as all runs go."""
    tasks, length = np.array([task for task, _ in runs]), min(map(len, runs.values()))
    return [geometric_mean(np.array([it[at] for it in runs.values()]), tasks) for at in range(length)]


def color(name: str) -> object:
    """Return the color of a contender, the same in every panel, whoever else is there."""
    import matplotlib as mpl

    names = [OURS[0], *PEERS, *OURS[1:]]
    if name not in names:
        return "black"
    pale, pair = divmod(names.index(name), 10)
    return mpl.colormaps["tab20"](2 * pair + pale)  # ten colors, each followed by a paler one


def setting(parallel: int) -> str:
    return "one by one" if parallel == 1 else f"{parallel} in parallel"
