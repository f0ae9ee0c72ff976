"""How good searches are: regret after 30, 100 and 300 Trials, one by one and 8 in parallel, beside the peers."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.search_runs import Run

ROOT = Path(__file__).parents[1]
PEER_PYTHON = ROOT / ".venv-search/bin/python"
"""Where `make peers` installs them, and all that Kuttab needs besides."""


def main() -> None:
    arguments = parse()
    if arguments.katib:
        os.environ["KATIB_CHECKOUT"] = str(arguments.katib)
    if PEER_PYTHON.exists() and Path(sys.prefix) != PEER_PYTHON.parents[1]:
        os.execv(PEER_PYTHON, [str(PEER_PYTHON), "-m", "benchmarks.search", *sys.argv[1:]])
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # one core a run, so that CPU times compare
    if arguments.cost:
        from benchmarks.search_cost import report_costs

        report_costs(choose_algorithms(arguments.algorithms), arguments.cost)
        return
    compare(arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="+", default=["all"], help="names, or all, tuned, held-out")
    parser.add_argument("--algorithms", nargs="+", default=["all"], help="names, or all, ours, peers")
    parser.add_argument("--seeds", type=int, default=20, help="runs of every task")
    parser.add_argument("--budgets", type=int, nargs="+", default=[30, 100, 300], metavar="TRIALS")
    parser.add_argument("--parallel", type=int, nargs="+", default=[1, 8], metavar="TRIALS")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument(
        "--results", type=Path, default=ROOT / ".search.jsonl", help="appended to; what is there is kept"
    )
    parser.add_argument("--katib", type=Path, metavar="CHECKOUT", help="whose services to run; or $KATIB_CHECKOUT")
    parser.add_argument("--plot", type=Path, help="draw the curves into this file, .svg or .png")
    parser.add_argument("--report", action="store_true", help="run nothing: report what is in the file")
    parser.add_argument("--cost", type=int, nargs="+", metavar="TRIALS", help="measure suggestions instead")
    return parser.parse_args()


def compare(arguments: argparse.Namespace) -> None:
    from benchmarks.search_report import report, write_plot
    from benchmarks.search_runs import missing, read_records

    tasks = choose_tasks(arguments.tasks)
    names = choose_algorithms(arguments.algorithms, must_run=not arguments.report)
    if not arguments.report:
        tell_what_cannot_run(tasks, names)
        wanted = list(plan(tasks, names, arguments))
        run_all(list(missing(wanted, read_records(arguments.results))), arguments)
    records = [it for it in read_records(arguments.results) if it.run.task in tasks]
    shown = [*dict.fromkeys([*names, "random"])]
    if arguments.plot:
        write_plot(records, shown, arguments.parallel, arguments.plot)
    print(json.dumps(report(records, shown, arguments.budgets, arguments.parallel)))


def choose_tasks(names: Sequence[str]) -> list[str]:
    from benchmarks.search_suite import TASKS

    chosen = [task.name for task in TASKS.values() if {"all", task.half, task.name} & set(names)]
    return chosen or sys.exit(f"there is no task {', '.join(names)}: choose from {', '.join(TASKS)}")


def choose_algorithms(names: Sequence[str], *, must_run: bool = True) -> list[str]:
    """Return the names; where they must run, those that are installed. `random` is the yardstick and always there."""
    from benchmarks.search_contenders import OURS, PEERS, is_installed

    groups = {"all": (*OURS, *PEERS), "ours": OURS, "peers": tuple(PEERS)}
    chosen = dict.fromkeys(name for group in names for name in groups.get(group, (group,)))
    absent = [name for name in chosen if must_run and not is_installed(name)]
    if absent:
        print(f"not installed, see benchmarks/README.md: {', '.join(absent)}", file=sys.stderr)
    return [name for name in chosen if name not in absent]


def tell_what_cannot_run(tasks: Sequence[str], names: Sequence[str]) -> None:
    from benchmarks.search_contenders import can_search
    from benchmarks.search_suite import TASKS

    for name in names:
        count = sum(can_search(name, TASKS[task].space) for task in tasks)
        if count < len(tasks):
            print(f"{name} is run on {count} of {len(tasks)} tasks: it cannot search the others", file=sys.stderr)


def plan(tasks: Sequence[str], names: Sequence[str], arguments: argparse.Namespace) -> Iterator["Run"]:
    """Yield all seeds in turns, so that a file of a run that was cut short has some of everything."""
    from benchmarks.search_contenders import can_search
    from benchmarks.search_runs import Run
    from benchmarks.search_scores import YARDSTICK
    from benchmarks.search_suite import TASKS

    budget = max(arguments.budgets)
    for seed, task in product(range(arguments.seeds), tasks):
        yield Run(task, YARDSTICK[0], seed, 1, max(budget, YARDSTICK[1]))
        able = [name for name in names if can_search(name, TASKS[task].space)]
        for name, parallel in product(able, arguments.parallel):
            yield Run(task, name, seed, parallel, budget)


def run_all(runs: Sequence["Run"], arguments: argparse.Namespace) -> None:
    """Append what each run found. One that fails is told of and has no record: the next call tries it again."""
    from benchmarks.search_runs import search

    failed = set()
    with ProcessPoolExecutor(arguments.jobs) as pool, arguments.results.open("a") as file:
        futures = {pool.submit(search, run): run for run in runs}
        for count, future in enumerate(as_completed(futures), 1):
            run, error = futures[future], future.exception()
            if error is None:
                file.write(future.result().to_line())
                file.flush()
            elif (run.algorithm, run.task) not in failed:
                failed.add((run.algorithm, run.task))
                print(f"{run.algorithm} failed on {run.task}: {error!r}", file=sys.stderr)
            if sys.stderr.isatty():
                print(f"\r{count} of {len(runs)} runs", end="", file=sys.stderr)


if __name__ == "__main__":
    main()
