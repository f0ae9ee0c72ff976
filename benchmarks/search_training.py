"""Trainings of scikit-learn's models, on data that it carries, as tasks of `benchmarks.search`."""

import warnings
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from benchmarks.search_tasks import Parameters, Task, choices, double, log_double, number
from functions.suggestion.search_space import Row, SearchSpace

if TYPE_CHECKING:
    import numpy as np
    from sklearn.base import BaseEstimator


@cache
def data(name: str, size: int, test_size: float) -> "tuple[np.ndarray, ...]":
    from sklearn import datasets
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import scale

    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return tuple(train_test_split(scale(X)[:size], y[:size], test_size=test_size, random_state=0))


def training(
    half: str,
    name: str,
    build: Callable[..., "BaseEstimator"],
    parameters: Parameters,
    samples: tuple[int, float] = (500, 0.4),
) -> Task:
    """Train a model on data that scikit-learn carries; the loss is 1 - its score on the rest, the least not known.

    The samples are how many of the data there are, and how many, or what share of them, are the rest.
    """
    dataset, space = name.partition("_")[2], SearchSpace.from_spec(parameters)

    def loss(row: Row) -> float:
        values = {it.name: it.value for it in space.to_assignments(row)}
        X, X_test, y, y_test = data(dataset, *samples)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of ten rounds that did not converge, or left the numbers
            return 1 - float(build(**values).fit(X, y).score(X_test, y_test))

    return Task(name, half, parameters, lambda _: (loss, None))


FINE = (1_300, 1_000)
"""Few samples to learn from and many to be judged by: quick, with few ties."""


def svc(c: str, kernel: str, gamma: str = "1") -> "BaseEstimator":
    from sklearn.svm import SVC

    return SVC(C=float(c), gamma=float(gamma), kernel=kernel)


def tree(depth: str, leaf: str, features: str, criterion: str) -> "BaseEstimator":
    from sklearn.tree import DecisionTreeClassifier

    knobs = {"max_depth": int(depth), "min_samples_leaf": int(leaf), "max_features": float(features)}
    return DecisionTreeClassifier(criterion=criterion, random_state=0, **knobs)


def sgd(alpha: str, l1: str, loss: str, rate: str, eta0: str = "1") -> "BaseEstimator":
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


def nearest(k: str, weights: str, metric: str) -> "BaseEstimator":
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(n_neighbors=int(k), metric=metric, weights=weights)


def forest(trees: str, depth: str, features: str) -> "BaseEstimator":
    from sklearn.ensemble import RandomForestClassifier

    knobs = {"max_depth": int(depth), "max_features": float(features)}
    return RandomForestClassifier(int(trees), random_state=0, **knobs)


def mlp(units: str, step: str, solver: str, momentum: str = "0") -> "BaseEstimator":
    from sklearn.neural_network import MLPClassifier

    knobs = {"learning_rate_init": float(step), "solver": solver, "momentum": float(momentum)}
    return MLPClassifier((int(units),), batch_size=50, max_iter=10, tol=0, random_state=0, **knobs)


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
