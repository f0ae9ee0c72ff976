"""What a suggestion of every algorithm costs as the history grows, one by one and in batches; what a history weighs."""

from dataclasses import replace
from random import Random
from statistics import median
from time import process_time

from events.experiment import ExperimentSpec
from events.objective import ObjectiveType
from events.search_space import FeasibleSpace, ParameterSpec, ParameterType
from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.algorithms.drawing import draw_row
from functions.suggestion.algorithms.interface import Request
from functions.suggestion.history import History
from functions.suggestion.search_space import Row, SearchSpace

NAMES = ("random", "grid", "sobol", "cmaes", "tpe", "multivariate-tpe", "bayesianoptimization", "auto")
BATCH = 8
WEIGHED_TRIALS = 100_000
WEIGHED_PARAMETERS = 20

NUMERIC = SearchSpace.from_spec(
    [
        ParameterSpec(
            name=f"p{index}",
            parameter_type=ParameterType.DOUBLE,
            feasible_space=FeasibleSpace(min="0", max="1", step="0.01" if index % 2 else None),
        )
        for index in range(8)
    ]
)
STEPPED = SearchSpace(tuple(replace(axis, step=0.01) for axis in NUMERIC.axes))
"""What an algorithm needs that knows no lists, or nothing continuous."""


def measure_algorithms(mixed: SearchSpace, sizes: list[int], repeats: int) -> dict[str, dict[str, list[float]]]:
    """Return, by algorithm and size, the median of single suggestions and that of a suggestion in a batch, in ms."""
    spaces = {"grid": STEPPED, "cmaes": NUMERIC}
    return {
        name: {str(size): measure_algorithm(name, spaces.get(name, mixed), size, repeats) for size in sizes}
        for name in NAMES
    }


def measure_algorithm(name: str, space: SearchSpace, size: int, repeats: int) -> list[float]:
    return [round(time_suggestions(name, space, size, count, repeats) / count, 2) for count in (1, BATCH)]


def time_suggestions(name: str, space: SearchSpace, size: int, count: int, repeats: int) -> float:
    """Suggest, finish what was suggested, and so on; the first two calls load what is imported late."""
    algorithm, rng = get_algorithm(name), Random(size)
    rows = [draw_row(space, rng) for _ in range(size)]
    history = History.empty(len(space.axes)).extend(rows, [loss(row) for row in rows], size)
    state, times = None, []
    for number in range(repeats + 2):
        first = len(history) + 1
        request = Request(
            space, ObjectiveType.MINIMIZE, {}, history, (), count, number, first, None, state, spec=ExperimentSpec()
        )
        start = process_time()
        answer = algorithm.suggest(request)
        times.append((process_time() - start) * 1_000)
        state = answer.state_after(count)
        given = [suggested.row for suggested in answer.suggestions]
        history = history.extend(given, [loss(row) for row in given], len(history) + count)
    return median(times[2:])


def loss(row: Row) -> float:
    return sum((value - 0.3) ** 2 for value in row)


def weigh_history() -> float:
    """Return the megabytes that a large history takes, the room to grow included."""
    history = History.empty(WEIGHED_PARAMETERS)
    for start in range(0, WEIGHED_TRIALS, 1_000):
        rows = [(float(start),) * WEIGHED_PARAMETERS] * 1_000
        history = history.extend(rows, [0.0] * 1_000, start + 1_000)
    return history.size_bytes / 1e6


def report_algorithms(table: dict[str, dict[str, list[float]]]) -> None:
    print(f"\nCPU ms per suggestion, 8 parameters, medians: one by one / in batches of {BATCH}")
    sizes = list(next(iter(table.values())))
    print(f"{'finished trials':>22}" + "".join(f"{size:>16}" for size in sizes))
    for name, row in table.items():
        print(f"{name:>22}" + "".join(f"{one:>8.2f} /{batch:>6.2f}" for one, batch in row.values()))
