"""CPU time of a suggestion as the history grows: TPE beside Optuna's `Study.ask`, cold starts, every algorithm."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median
from time import process_time
from typing import TYPE_CHECKING

from benchmarks.suggest_algorithms import (
    WEIGHED_PARAMETERS,
    WEIGHED_TRIALS,
    measure_algorithms,
    report_algorithms,
    weigh_history,
)
from benchmarks.suggest_limits import measure_limits, measure_memory
from events.objective import ObjectiveType
from events.search_space import Distribution, FeasibleSpace, ParameterSpec, ParameterType
from functions.suggestion.search_space import Row, SearchSpace

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

ALGORITHM_NAME = "multivariate-tpe"  # what Optuna's TPESampler does by default
WIDTH = 8
SEED = 7


def parameter(name: str, kind: ParameterType, **space: object) -> ParameterSpec:
    return ParameterSpec(name=name, parameter_type=kind, feasible_space=FeasibleSpace.model_validate(space))


SPACE = SearchSpace.from_spec(
    [
        parameter("momentum", ParameterType.DOUBLE, min=0, max=1),
        parameter("dropout", ParameterType.DOUBLE, min=0, max=0.5),
        parameter("rate", ParameterType.DOUBLE, min=1e-5, max=1e-1, distribution=Distribution.LOG_UNIFORM),
        parameter("layers", ParameterType.INT, min=1, max=12),
        parameter("decay", ParameterType.DOUBLE, min=0, max=1, step=0.05),
        parameter("optimizer", ParameterType.CATEGORICAL, list=["sgd", "adam", "ftrl"]),
        parameter("smoothing", ParameterType.DOUBLE, min=0, max=0.2),
        parameter("schedule", ParameterType.CATEGORICAL, list=["constant", "cosine"]),
    ]
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000], metavar="TRIALS")
    parser.add_argument("--all-sizes", type=int, nargs="+", default=[200, 1_000, 10_000, 100_000], metavar="TRIALS")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--limits", action="store_true", help="measure the worst calls and the memory alone")
    parser.add_argument("--cold", type=Path, help="be the cold process that reads this file")
    arguments = parser.parse_args()
    if arguments.cold:
        print(measure_cold_here(arguments.cold))
        return
    if arguments.limits:
        print(json.dumps({"calls_ms": measure_limits(), "rss_mb": measure_memory()}))
        return
    # Optuna goes first: our estimator replaces a slow function inside Optuna, which would speed the peer up too.
    optuna_ms = {n: measure_optuna(n, arguments.repeats) for n in arguments.sizes}
    warm_ms = {n: measure_warm(n, arguments.repeats) for n in arguments.sizes}
    cold_ms = {n: measure_cold(n, max(3, arguments.repeats // 3)) for n in arguments.sizes}
    table = measure_algorithms(SPACE, arguments.all_sizes, arguments.repeats)
    report(warm_ms, cold_ms, optuna_ms)
    report_algorithms(table)
    print(f"\nA history of {WEIGHED_TRIALS} Trials with {WEIGHED_PARAMETERS} parameters: {weigh_history():.0f} MB")
    columns = {"warm_ms": warm_ms, "cold_ms": cold_ms, "optuna_ms": optuna_ms}
    rounded = {name: {str(n): round(ms, 2) for n, ms in column.items()} for name, column in columns.items()}
    print(json.dumps({**rounded, "algorithms_ms": table, "history_mb": round(weigh_history(), 1)}))


def report(warm_ms: dict[int, float], cold_ms: dict[int, float], optuna_ms: dict[int, float]) -> None:
    print("CPU ms per suggestion, 8 mixed parameters, medians")
    print(f"{'finished trials':>16}{'warm':>10}{'cold':>10}{'optuna ask':>12}{'optuna/warm':>13}")
    for n, warm in warm_ms.items():
        print(f"{n:>16}{warm:>10.2f}{cold_ms[n]:>10.1f}{optuna_ms[n]:>12.2f}{optuna_ms[n] / warm:>13.1f}")
    base, largest = min(cold_ms), max(cold_ms)
    print(f"A cold process takes {cold_ms[largest] - cold_ms[base]:.0f} ms more for {largest} Trials than for {base}.")


def finished_trials(count: int) -> tuple[list[Row], list[float]]:
    from functions.suggestion.algorithms.drawing import draw_row

    rng = Random(SEED)
    rows = [draw_row(SPACE, rng) for _ in range(count)]
    return rows, [evaluate(row) for row in rows]


def evaluate(row: Row) -> float:
    momentum, dropout, rate, layers, decay, optimizer, smoothing, schedule = row
    smooth = (momentum - 0.9) ** 2 + dropout + abs(rate - 1e-2) + decay / 3 + smoothing
    return smooth + abs(layers - 5) / 12 + optimizer / 5 + schedule / 9


def measure_warm(count: int, repeats: int) -> float:
    """Include what a warm process does for each finish: add it to the history that it has."""
    from functions.suggestion.algorithms import get_algorithm
    from functions.suggestion.algorithms.interface import Request
    from functions.suggestion.history import History

    rows, values = finished_trials(count)
    history = History.empty(WIDTH).extend(rows, values, last_seq=count)
    algorithm = get_algorithm(ALGORITHM_NAME)

    def suggest(number: int) -> None:
        nonlocal history
        new = finished[number]
        history = history.extend([new], [evaluate(new)], last_seq=history.last_seq + 1)
        request = Request(SPACE, ObjectiveType.MINIMIZE, {}, history, (), 1, number, count + number, None, None)
        assert len(algorithm.suggest(request).suggestions) == 1

    finished = finished_trials(repeats + 1)[0]
    return measure(suggest, repeats)


def measure_cold(count: int, repeats: int) -> float:
    """Start a process, which reads the rows as the store keeps them and makes one suggestion."""
    from functions.suggestion.history import pack_row

    rows, values = finished_trials(count)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "rows")
        file.write_bytes(b"".join(pack_row((*row, value)) for row, value in zip(rows, values, strict=True)))
        command = [sys.executable, "-m", "benchmarks.suggest", "--cold", str(file)]
        runs = [subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(repeats)]
    return median(float(run.stdout) for run in runs)


def measure_cold_here(file: Path) -> float:
    from functions.suggestion.algorithms import get_algorithm
    from functions.suggestion.algorithms.interface import Request
    from functions.suggestion.history import History, unpack_rows

    data, width = file.read_bytes(), 8 * (WIDTH + 1)
    table = unpack_rows([data[start : start + width] for start in range(0, len(data), width)])
    history = History.empty(WIDTH).extend(table[:, :WIDTH], table[:, WIDTH], last_seq=len(table))
    request = Request(SPACE, ObjectiveType.MINIMIZE, {}, history, (), 1, SEED, len(table) + 1, None, None)
    assert len(get_algorithm(ALGORITHM_NAME).suggest(request).suggestions) == 1
    return process_time() * 1_000  # since the process began: interpreter, imports and all


def measure_optuna(count: int, repeats: int) -> float:
    """Fill an in-memory study, which is not measured, then ask and draw the parameters; telling is not measured."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    distributions = optuna_distributions()
    rows, values = finished_trials(count)
    for row, value in zip(rows, values, strict=True):
        named = zip(distributions.items(), row, strict=True)
        params = {name: distribution.to_external_repr(number) for (name, distribution), number in named}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=value))
    open_trials: list[optuna.Trial] = []

    def ask(number: int) -> None:
        if open_trials:
            study.tell(open_trials.pop(), evaluate(rows[number]))
        start = process_time()
        open_trials.append(study.ask(distributions))
        times.append((process_time() - start) * 1_000)

    times: list[float] = []
    measure(ask, repeats)
    return median(times[1:])


def optuna_distributions() -> "dict[str, BaseDistribution]":
    from optuna import distributions

    return {
        "momentum": distributions.FloatDistribution(0, 1),
        "dropout": distributions.FloatDistribution(0, 0.5),
        "rate": distributions.FloatDistribution(1e-5, 1e-1, log=True),
        "layers": distributions.IntDistribution(1, 12),
        "decay": distributions.FloatDistribution(0, 1, step=0.05),
        "optimizer": distributions.CategoricalDistribution(["sgd", "adam", "ftrl"]),
        "smoothing": distributions.FloatDistribution(0, 0.2),
        "schedule": distributions.CategoricalDistribution(["constant", "cosine"]),
    }


def measure(work: Callable[[int], None], repeats: int) -> float:
    """Return the median CPU time; the first call loads what is imported late, and is not counted."""
    times = []
    for number in range(repeats + 1):
        start = process_time()
        work(number)
        times.append((process_time() - start) * 1_000)
    return median(times[1:])


if __name__ == "__main__":
    main()
