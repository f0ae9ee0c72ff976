"""The tasks of `benchmarks.search`: BBOB, mixed and conditional spaces, and trainings of scikit-learn's models."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from benchmarks.search_tasks import (
    HELD_OUT,
    TUNED,
    Parameters,
    Task,
    bbob,
    bbob_mixed,
    bbob_steps,
    choices,
    conditional,
    double,
    log_double,
    mixed,
    number,
    table,
)
from functions.suggestion.search_space import Row, SearchSpace

if TYPE_CHECKING:
    import numpy as np
    from sklearn.base import BaseEstimator


@cache
def data(name: str, size: int) -> "tuple[np.ndarray, ...]":
    from sklearn import datasets
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import scale

    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return tuple(train_test_split(scale(X)[:size], y[:size], test_size=0.4, random_state=0))


def training(half: str, name: str, build: Callable[..., "BaseEstimator"], parameters: Parameters) -> Task:
    """Train a model on data that scikit-learn carries; the loss is 1 - its score on the rest, the least not known."""
    dataset, space = name.partition("_")[2], SearchSpace.from_spec(parameters)

    def loss(row: Row) -> float:
        values = {axis.name: axis.to_text(value) for axis, value in zip(space.axes, row, strict=True)}
        X, X_test, y, y_test = data(dataset, MAX_SAMPLES)
        return 1 - float(build(**values).fit(X, y).score(X_test, y_test))

    return Task(name, half, parameters, lambda _: (loss, None))


MAX_SAMPLES = 500
"""Of a data set, so that a training takes milliseconds."""


def svc(c: str, gamma: str, kernel: str) -> "BaseEstimator":
    from sklearn.svm import SVC

    return SVC(C=float(c), gamma=float(gamma), kernel=kernel)


def tree(depth: str, leaf: str, features: str, criterion: str) -> "BaseEstimator":
    from sklearn.tree import DecisionTreeClassifier

    knobs = {"max_depth": int(depth), "min_samples_leaf": int(leaf), "max_features": float(features)}
    return DecisionTreeClassifier(criterion=criterion, random_state=0, **knobs)


def sgd(alpha: str, eta0: str, l1: str, loss: str, rate: str) -> "BaseEstimator":
    from sklearn.linear_model import SGDClassifier

    knobs = {"alpha": float(alpha), "l1_ratio": float(l1), "eta0": float(eta0), "learning_rate": rate}
    return SGDClassifier(loss=loss, penalty="elasticnet", max_iter=10, tol=None, random_state=0, **knobs)


def boosting(rate: str, trees: str, depth: str, subsample: str, features: str) -> "BaseEstimator":
    from sklearn.ensemble import GradientBoostingRegressor

    knobs = {"max_depth": int(depth), "subsample": float(subsample), "max_features": float(features)}
    return GradientBoostingRegressor(learning_rate=float(rate), n_estimators=int(trees), random_state=0, **knobs)


def neighbors(k: str, p: str, weights: str) -> "BaseEstimator":
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(n_neighbors=int(k), p=float(p), weights=weights)


SVC_SPACE = (log_double("c", 1e-3, 1e3), log_double("gamma", 1e-5, 10), choices("kernel", "rbf", "poly", "sigmoid"))
TREE_SPACE = (
    number("depth", 1, 20),
    number("leaf", 1, 20),
    double("features", 0.05, 1),
    choices("criterion", "gini", "entropy"),
)
SGD_SPACE = (
    log_double("alpha", 1e-7, 1),
    log_double("eta0", 1e-4, 10),
    double("l1", 0, 1),
    choices("loss", "hinge", "log_loss", "modified_huber", "perceptron"),
    choices("rate", "constant", "adaptive", "invscaling", "optimal"),
)
BOOSTING_SPACE = (
    log_double("rate", 1e-3, 1),
    number("trees", 5, 60),
    number("depth", 1, 6),
    double("subsample", 0.3, 1),
    double("features", 0.1, 1),
)
NEIGHBORS_SPACE = (number("k", 1, 40), double("p", 1, 5), choices("weights", "uniform", "distance"))

TASKS = {
    task.name: task
    for task in (
        bbob(3, TUNED, "rastrigin", 5),
        bbob(8, TUNED, "rosenbrock", 4),
        bbob(21, TUNED, "gallagher", 3),
        bbob(10, TUNED, "ellipsoid", 6),
        bbob_mixed(15, TUNED, "int_rastrigin", (3, 2)),
        bbob_steps(1, TUNED, "steps_sphere", 5, 40),
        table(TUNED, "table", 5, 5),
        mixed(TUNED, "mixed", choice_count=4, width=3),
        conditional(TUNED, "conditional", 3, 2),
        training(TUNED, "svc_digits", svc, SVC_SPACE),
        training(TUNED, "tree_breast_cancer", tree, TREE_SPACE),
        bbob(4, HELD_OUT, "bueche_rastrigin", 4),
        bbob(6, HELD_OUT, "attractive_sector", 5),
        bbob(7, HELD_OUT, "step_ellipsoid", 6),
        bbob(17, HELD_OUT, "schaffers", 5),
        bbob(20, HELD_OUT, "schwefel", 4),
        bbob(24, HELD_OUT, "lunacek", 8),
        bbob_mixed(9, HELD_OUT, "int_rosenbrock", (4, 2)),
        bbob_steps(15, HELD_OUT, "steps_rastrigin", 3, 40),
        table(HELD_OUT, "table", 7, 3),
        mixed(HELD_OUT, "mixed_many", choice_count=7, width=5),
        conditional(HELD_OUT, "conditional_wide", 4, 3),
        training(HELD_OUT, "sgd_digits", sgd, SGD_SPACE),
        training(HELD_OUT, "boosting_diabetes", boosting, BOOSTING_SPACE),
        training(HELD_OUT, "neighbors_wine", neighbors, NEIGHBORS_SPACE),
    )
}
