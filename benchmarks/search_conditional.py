"""Tasks with parameters that depend on others: a choice says which ones there are, and another among those again."""

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.search_tasks import Loss, Parameters, Task, choices, double, log_double, number
from benchmarks.search_training import forest, mlp, nearest, sgd, svc, tree
from events.search_space import ParameterSpec, When
from functions.suggestion.search_space import Row, SearchSpace
from functions.suggestion.unit import from_unit, to_unit

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


def under(parent: str, values: str, *parameters: ParameterSpec) -> Parameters:
    """Let these have a value only where the parent has one of the values, words parted by blanks."""
    when = When(parameter=parent, values=tuple(values.split()))
    return tuple(it.replace(when=when) for it in parameters)


SHALLOW = (
    choices("kind", "a", "b", "c"),
    log_double("rate", 1e-5, 1),
    *under("kind", "a", double("a0", 0, 1), double("a1", 0, 1)),
    *under("kind", "b", *(double(f"b{i}", 0, 1) for i in range(4)), number("b-count", 1, 12)),
    *under("kind", "c", choices("c-kind", "p", "q", "r"), double("c0", -5, 5)),
    *under("c-kind", "p", log_double("p-size", 1, 1e4)),
    *under("c-kind", "p q", double("pq", 0, 1)),
)
"""Three branches of two, five, and one to three parameters beside one that all have; two choices share one."""

DEEP = (
    double("mix", 0, 1),
    choices("kind", "a", "b", "c", "d"),
    number("count", 1, 20),
    *under("kind", "a", choices("a-kind", "s", "t"), log_double("a-rate", 1e-4, 10)),
    *under("a-kind", "s", double("s0", 0, 1), double("s1", 0, 1), double("s2", 0, 1)),
    *under("a-kind", "t", number("t-steps", 0, 30)),
    *under("kind", "b", choices("b-kind", "u", "v", "w", "x")),
    *under("b-kind", "u", log_double("u-rate", 1e-6, 1e-1)),
    *under("b-kind", "v w", double("vw", -1, 1), double("vw-slope", 0, 1)),
    *under("kind", "a b c", double("share", 0, 1)),
    *under("kind", "c", *(double(f"c{i}", 0, 1) for i in range(5))),
)
"""Four branches, the last without parameters of its own, two with choices that have branches again."""


def branching(half: str, name: str, parameters: Parameters) -> Task:
    """Add up how far the active numbers are off their best, which the first choice moves, and what choices cost."""
    space = SearchSpace.from_spec(parameters)
    first = next(index for index, axis in enumerate(space.axes) if axis.choices)

    def prepare(seed: int) -> tuple[Loss, float | None]:
        rng = np.random.default_rng(seed)
        best, weights = draw_best(space, space.axes[first].choices, rng), rng.uniform(0.5, 3, len(space.axes))
        costs = {i: rng.permutation(len(axis.choices)) / 5 for i, axis in enumerate(space.axes) if axis.choices}

        def loss(row: Row) -> float:
            total, its = 0.0, best[int(row[first])]
            for i in np.flatnonzero(space.activity(row)):
                off = to_unit(space.axes[i], row[i]) - its[i]
                total += costs[i][int(row[i])] if i in costs else weights[i] * off**2
            return float(total)

        return loss, 0.0

    return Task(name, half, parameters, prepare)


def draw_best(space: SearchSpace, branches: tuple[str, ...], rng: np.random.Generator) -> list[list[float]]:
    """Return for every branch where in its unit interval each axis is best; of a grid, one of its points."""
    positions = rng.uniform(0.1, 0.9, (len(branches), len(space.axes)))
    return [[to_unit(it, from_unit(it, at)) for it, at in zip(space.axes, row, strict=True)] for row in positions]


def classifier(model: str, **knobs: str) -> "BaseEstimator":
    """Build the model that the first choice names, of the parameters that it has."""
    models = {"svc": svc, "tree": tree, "nearest": nearest, "sgd": sgd, "mlp": mlp, "forest": forest}
    return models[model](**knobs)


CLASSIFIERS = (
    choices("model", "svc", "tree", "nearest"),
    *under("model", "svc", log_double("c", 1e-3, 1e2), choices("kernel", "linear", "rbf", "sigmoid")),
    *under("kernel", "rbf sigmoid", log_double("gamma", 1e-5, 10)),
    *under("model", "tree", number("depth", 1, 20), number("leaf", 1, 20), double("features", 0.05, 1)),
    *under("model", "tree", choices("criterion", "gini", "entropy")),
    *under("model", "nearest", number("k", 1, 40), choices("weights", "uniform", "distance")),
    *under("model", "nearest", choices("metric", "euclidean", "manhattan", "cosine", "chebyshev")),
)

LEARNERS = (
    choices("model", "sgd", "mlp", "forest"),
    *under("model", "sgd", log_double("alpha", 1e-7, 1), double("l1", 0, 1)),
    *under("model", "sgd", choices("loss", "hinge", "log_loss", "modified_huber", "perceptron")),
    *under("model", "sgd", choices("rate", "constant", "adaptive", "optimal")),
    *under("rate", "constant adaptive", log_double("eta0", 1e-4, 10)),
    *under("model", "mlp", number("units", 4, 64), log_double("step", 1e-4, 1), choices("solver", "sgd", "adam")),
    *under("solver", "sgd", double("momentum", 0, 0.99)),
    *under("model", "forest", number("trees", 2, 20), number("depth", 1, 12), double("features", 0.05, 1)),
)
