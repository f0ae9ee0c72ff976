"""What a suggestion of every contender costs as the finished Trials grow in number."""

import json
import sys
from collections.abc import Sequence
from random import Random
from statistics import median
from time import process_time

from benchmarks.search_contenders import get_maker
from benchmarks.search_suite import TASKS
from events.experiment import ExperimentSpec
from functions.suggestion.algorithms.drawing import draw_row

TASK = "mixed_many"
"""Eight parameters: five doubles, one by its logarithm, an int, a list."""

REPEATS = 5
SLOW_MS = 1_000
"""A contender that takes longer is not asked with more Trials: scikit-optimize would take hours."""


def report_costs(names: Sequence[str], sizes: Sequence[int]) -> None:
    """Print CPU ms by contender and number of Trials. Ours come last: they speed up a function inside Optuna."""
    table = {name: measure(name, sizes) for name in sorted(names, key=is_ours)}
    print("| CPU ms a suggestion | " + " | ".join(f"{size:,} Trials" for size in sizes) + " |")
    print("| --- |" + " --- |" * len(sizes))
    for name, row in table.items():
        print(f"| {name} | " + " | ".join(f"{row[size]:,.1f}" if size in row else "–" for size in sizes) + " |")
    print(json.dumps(table))


def is_ours(name: str) -> bool:
    from benchmarks.search_contenders import PEERS

    return name not in PEERS


def measure(name: str, sizes: Sequence[int]) -> dict[int, float]:
    row: dict[int, float] = {}
    for size in sorted(sizes):
        if any(ms > SLOW_MS for ms in row.values()):
            break
        try:
            row[size] = round(measure_at(name, size), 2)
        except NotImplementedError as error:
            print(f"{name}: {error}", file=sys.stderr)
            break
    return row


def measure_at(name: str, size: int) -> float:
    """Suggest, tell the result, and so on; the first suggestions load what is imported late, and are not counted."""
    task, rng = TASKS[TASK], Random(size)
    evaluate, _ = task.prepare(0)
    rows = [draw_row(task.space, rng) for _ in range(size)]
    spec = ExperimentSpec(parameters=task.parameters, max_trial_count=2 * size, parallel_trial_count=1)
    contender = get_maker(name)(task.space, size, spec)
    contender.fill(rows, [evaluate(row) for row in rows])
    times = []
    for number in range(size + 1, size + REPEATS + 3):
        start = process_time()
        (row,) = contender.ask(1)
        asked = process_time()
        loss = evaluate(row)
        told = process_time()
        contender.tell(number, loss)
        times.append((asked - start + process_time() - told) * 1_000)
    return median(times[2:])
