"""The peers of `benchmarks.search` that fit a model to all results: scikit-optimize and SMAC."""

import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.search_peers import plain
from events.experiment import ExperimentSpec
from functions.suggestion.axis import Axis
from functions.suggestion.search_space import Row, SearchSpace


class ScikitOptimize:
    """Its Optimizer with its defaults: gp_hedge on a Gaussian process, ten Sobol-like points to begin with.

    It knows no conditions: what is inactive is noise to it.
    """

    def __init__(self, space: SearchSpace, seed: int, spec: ExperimentSpec) -> None:
        import skopt

        del spec
        self._space, self._axes = space, space.axes
        self._optimizer = skopt.Optimizer([skopt_axis(axis) for axis in space.axes], random_state=seed)
        self._points: list[list[Any]] = []

    def ask(self, count: int) -> list[Row]:
        new = [self._optimizer.ask()] if count == 1 else self._optimizer.ask(n_points=count)
        self._points += new
        return [self._space.fill(tuple(map(float, point))) for point in new]

    def tell(self, number: int, loss: float) -> None:
        self._optimizer.tell(self._points[number - 1], loss)

    def fill(self, rows: Sequence[Row], losses: Sequence[float]) -> None:
        self._points = [[plain(axis, it) for axis, it in zip(self._axes, row, strict=True)] for row in rows]
        self._optimizer.tell(self._points, list(losses))


def skopt_axis(axis: Axis) -> Any:
    from skopt import space

    if axis.choices:
        return space.Categorical(list(range(len(axis.choices))))
    if axis.step:
        return space.Integer(int(axis.low), int(axis.high))
    return space.Real(axis.low, axis.high, prior="log-uniform" if axis.is_log else "uniform")


class SMAC:
    """Its facade for hyperparameters, a random forest, through ask and tell."""

    def __init__(self, space: SearchSpace, seed: int, spec: ExperimentSpec) -> None:
        from ConfigSpace import ConfigurationSpace
        from smac import HyperparameterOptimizationFacade, Scenario

        self._axes, self._trials, self._folder = space.axes, [], tempfile.TemporaryDirectory()
        configurations = self._space = ConfigurationSpace(seed=seed)
        configurations.add([smac_axis(axis) for axis in space.axes])
        configurations.add(list(smac_conditions(space, configurations)))
        trial_count = spec.max_trial_count or 100
        knobs = {"deterministic": True, "n_trials": trial_count, "seed": seed, "output_directory": self._folder.name}
        scenario = Scenario(configurations, **knobs)
        self._facade = HyperparameterOptimizationFacade(scenario, _unused, overwrite=True, logging_level=False)

    def ask(self, count: int) -> list[Row]:
        new = [self._facade.ask() for _ in range(count)]
        self._trials += new
        return [tuple(float(info.config.get(axis.name, axis.low)) for axis in self._axes) for info in new]

    def tell(self, number: int, loss: float) -> None:
        from smac.runhistory import TrialValue

        self._facade.tell(self._trials[number - 1], TrialValue(cost=loss))

    def fill(self, rows: Sequence[Row], losses: Sequence[float]) -> None:
        from ConfigSpace import Configuration
        from smac.runhistory import TrialInfo

        for number, (row, loss) in enumerate(zip(rows, losses, strict=True), 1):
            values = {axis.name: plain(axis, it) for axis, it in zip(self._axes, row, strict=True)}
            self._trials.append(TrialInfo(Configuration(self._space, values), seed=0))
            self.tell(number, loss)


def _unused(config: object, seed: int = 0) -> float:
    del config, seed
    return 0.0


def smac_axis(axis: Axis) -> Any:
    import ConfigSpace

    if axis.choices:
        return ConfigSpace.Categorical(axis.name, list(range(len(axis.choices))))
    make, of = (ConfigSpace.Integer, int) if axis.step else (ConfigSpace.Float, float)
    return make(axis.name, (of(axis.low), of(axis.high)), log=axis.is_log)


def smac_conditions(space: SearchSpace, configurations: Any) -> Iterator[Any]:
    """Yield the conditions; a parameter goes with the one that it depends on also where that is inactive itself."""
    from ConfigSpace import InCondition

    for axis, condition in zip(space.axes, space.conditions.of, strict=False):
        if condition:
            parent = space.axes[condition.parent]
            values = [plain(parent, value) for value in sorted(condition.values)]
            yield InCondition(configurations[axis.name], configurations[parent.name], values)
