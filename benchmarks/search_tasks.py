"""Tasks that a search is measured on: functions with many bottoms, ridges and steps, mixed and conditional spaces."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmarks.suggest import parameter
from events.search_space import Distribution, ParameterSpec, ParameterType
from functions.suggestion.search_space import Row, SearchSpace

Loss = Callable[[Row], float]
Parameters = tuple[ParameterSpec, ...]

TUNED, HELD_OUT = "tuned", "held-out"
"""`auto` was tuned on the first half only; what holds for both is no accident."""


@dataclass(frozen=True)
class Task:
    """A space, and how a run with this seed evaluates its points: the loss and, where it is known, the least one."""

    name: str
    half: str
    parameters: Parameters
    prepare: Callable[[int], tuple[Loss, float | None]]

    @property
    def space(self) -> SearchSpace:
        return SearchSpace.from_spec(self.parameters)


def double(name: str, low: float, high: float) -> ParameterSpec:
    return parameter(name, ParameterType.DOUBLE, min=low, max=high)


def doubles(count: int, low: float = -5, high: float = 5) -> Parameters:
    return tuple(double(f"x{i}", low, high) for i in range(count))


def ints(count: int, high: int = 20) -> Parameters:
    return tuple(parameter(f"k{i}", ParameterType.INT, min=0, max=high) for i in range(count))


def choices(name: str, *names: str) -> ParameterSpec:
    return parameter(name, ParameterType.CATEGORICAL, list=list(names))


def log_double(name: str, low: float, high: float) -> ParameterSpec:
    return parameter(name, ParameterType.DOUBLE, min=low, max=high, distribution=Distribution.LOG_UNIFORM)


def number(name: str, low: int, high: int) -> ParameterSpec:
    return parameter(name, ParameterType.INT, min=low, max=high)


def bbob(function: int, half: str, name: str, width: int) -> Task:
    """Another instance for every seed: shifted and rotated anew."""

    def prepare(seed: int) -> tuple[Loss, float | None]:
        problem = bbob_problem(function, seed + 1, width)
        return lambda row: float(problem(list(row))), float(problem.optimum.y)

    return Task(f"{name}{width}", half, doubles(width), prepare)


def bbob_problem(function: int, instance: int, width: int):  # noqa: ANN201 - of ioh, which may be missing
    import ioh

    return ioh.get_problem(function, instance, width, ioh.ProblemClass.BBOB)


def bbob_mixed(function: int, half: str, name: str, widths: tuple[int, int]) -> Task:
    """Let the first axes be integers, 0 to 20; the least loss on their grid is not known."""
    int_count, width = widths[0], sum(widths)

    def prepare(seed: int) -> tuple[Loss, float | None]:
        del seed
        problem = bbob_problem(function, 1, width)
        return lambda row: float(problem([-5 + it / 2 for it in row[:int_count]] + list(row[int_count:]))), None

    return Task(f"{name}{width}", half, (*ints(int_count), *doubles(widths[1])), prepare)


def bbob_steps(function: int, half: str, name: str, width: int, levels: int) -> Task:
    """Read the function as an accuracy of so many levels: many points tie, the more the nearer to the best."""

    def prepare(seed: int) -> tuple[Loss, float | None]:
        problem = bbob_problem(function, seed + 1, width)
        least = float(problem.optimum.y)
        scale = np.median([problem(list(row)) - least for row in np.random.default_rng(0).uniform(-5, 5, (64, width))])
        return lambda row: 1 - round(levels * math.exp(-(problem(list(row)) - least) / scale)) / levels, 0.0

    return Task(f"{name}{width}", half, doubles(width), prepare)


def table(half: str, name: str, width: int, choice_count: int) -> Task:
    """Look up choices without order in a table in which pairs of neighbouring axes matter together."""
    names = [f"c{i}" for i in range(choice_count)]
    parameters = tuple(choices(f"p{i}", *names) for i in range(width))

    def prepare(seed: int) -> tuple[Loss, float | None]:
        rng = np.random.default_rng(seed)
        alone, pairs = rng.normal(size=(width, choice_count)), rng.normal(size=(width, choice_count, choice_count))

        def loss(row: Row) -> float:
            it = [int(value) for value in row]
            return sum(alone[i, c] + pairs[i, c, it[(i + 1) % width]] for i, c in enumerate(it))

        return loss, min(map(loss, product(range(choice_count), repeat=width)))

    return Task(f"{name}{width}x{choice_count}", half, parameters, prepare)


def mixed(half: str, name: str, *, choice_count: int, width: int) -> Task:
    """Mix a rate by its logarithm, a count, and a choice that moves the place of the best."""
    optimizers = [f"o{i}" for i in range(choice_count)]
    parameters = (*doubles(width, 0, 1), log_double("rate", 1e-5, 1), number("layers", 1, 12))

    def prepare(seed: int) -> tuple[Loss, float | None]:
        rng = np.random.default_rng(seed)
        best, rate, layers = rng.uniform(0.1, 0.9, (choice_count, width)), rng.uniform(-4, -1), rng.integers(3, 10)
        worse = rng.permutation(choice_count) / choice_count

        def loss(row: Row) -> float:
            place, choice = np.array(row[:width]), int(row[-1])
            off = ((place - best[choice]) ** 2).sum() * 4 + 0.3 * (1 - np.cos(9 * (place - best[choice]))).sum() / width
            return float(off + (math.log10(row[width]) - rate) ** 2 / 4 + (row[-2] - layers) ** 2 / 40 + worse[choice])

        return loss, 0.0

    return Task(name, half, (*parameters, choices("optimizer", *optimizers)), prepare)


def conditional(half: str, name: str, branch_count: int, width: int) -> Task:
    """Let a choice say which group of parameters counts; the others are noise to the search."""
    branches = choices("kind", *(f"k{i}" for i in range(branch_count)))

    def prepare(seed: int) -> tuple[Loss, float | None]:
        rng = np.random.default_rng(seed)
        best, floor = rng.uniform(0.1, 0.9, (branch_count, width)), rng.permutation(branch_count) / 5

        def loss(row: Row) -> float:
            branch = int(row[0])
            place = np.array(row[1 + branch * width : 1 + (branch + 1) * width])
            return float(((place - best[branch]) ** 2 * (1 + 3 * np.arange(width))).sum() + floor[branch])

        return loss, 0.0

    return Task(name, half, (branches, *doubles(branch_count * width, 0, 1)), prepare)
