"""The peers of `benchmarks.search`, each asked and told through its own interface, with its own defaults."""

import math
import tempfile
import warnings
from collections.abc import Sequence
from typing import Any

from events.experiment import ExperimentSpec
from functions.identity import derive_seed
from functions.suggestion.axis import Axis
from functions.suggestion.search_space import Row, SearchSpace


class Optuna:
    """A sampler of Optuna in a study of its own."""

    def __init__(self, sampler: str, space: SearchSpace, seed: int, spec: ExperimentSpec) -> None:
        import optuna

        del spec
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        self._study = optuna.create_study(sampler=getattr(optuna.samplers, sampler)(seed=seed))
        self._axes = space.axes
        self._distributions = {axis.name: optuna_distribution(axis) for axis in space.axes}
        self._trials: list[Any] = []

    def ask(self, count: int) -> list[Row]:
        new = [self._study.ask(self._distributions) for _ in range(count)]
        self._trials += new
        return [tuple(float(trial.params[axis.name]) for axis in self._axes) for trial in new]

    def tell(self, number: int, loss: float) -> None:
        self._study.tell(self._trials[number - 1], loss)

    def fill(self, rows: Sequence[Row], losses: Sequence[float]) -> None:
        import optuna

        for row, loss in zip(rows, losses, strict=True):
            params = {axis.name: plain(axis, value) for axis, value in zip(self._axes, row, strict=True)}
            its = {"params": params, "distributions": self._distributions}
            self._study.add_trial(optuna.trial.create_trial(value=loss, **its))
        self._trials = [None] * len(rows)


def plain(axis: Axis, value: float) -> float:
    """Return ints, and the indices of choices, as what they are."""
    return int(value) if axis.step else value


def optuna_distribution(axis: Axis) -> Any:
    from optuna import distributions

    if axis.choices:
        return distributions.CategoricalDistribution(range(len(axis.choices)))
    if axis.step:
        return distributions.IntDistribution(int(axis.low), int(axis.high))
    return distributions.FloatDistribution(axis.low, axis.high, log=axis.is_log)


class Hyperopt:
    """Its TPE, fed with documents as its own `fmin` does."""

    def __init__(self, space: SearchSpace, seed: int, spec: ExperimentSpec) -> None:
        import hyperopt

        del spec
        axes = {axis.name: hyperopt_axis(axis) for axis in space.axes}
        self._domain = hyperopt.base.Domain(lambda _: 0.0, axes)
        self._trials, self._axes, self._seed, self._suggest = hyperopt.Trials(), space.axes, seed, hyperopt.tpe.suggest

    def ask(self, count: int) -> list[Row]:
        return [self._ask() for _ in range(count)]

    def _ask(self) -> Row:
        ids = self._trials.new_trial_ids(1)
        self._trials.refresh()
        documents = self._suggest(ids, self._domain, self._trials, derive_seed(self._seed, ids[0]) % 2**31)
        self._trials.insert_trial_docs(documents)
        values = documents[0]["misc"]["vals"]
        return tuple(axis.snap(float(values[axis.name][0])) for axis in self._axes)

    def tell(self, number: int, loss: float) -> None:
        document = self._trials._dynamic_trials[number - 1]  # noqa: SLF001 - as its own Ctrl does
        document["state"], document["result"] = 2, {"status": "ok", "loss": loss}
        self._trials.refresh()

    def fill(self, rows: Sequence[Row], losses: Sequence[float]) -> None:
        ids, names = self._trials.new_trial_ids(len(rows)), [axis.name for axis in self._axes]
        miscs = [
            {
                "tid": each,
                "cmd": self._domain.cmd,
                "workdir": None,
                "idxs": {name: [each] for name in names},
                "vals": {axis.name: [plain(axis, value)] for axis, value in zip(self._axes, row, strict=True)},
            }
            for each, row in zip(ids, rows, strict=True)
        ]
        results = [{"status": "ok", "loss": loss} for loss in losses]
        documents = self._trials.new_trial_docs(ids, [None] * len(ids), results, miscs)
        self._trials.insert_trial_docs([{**document, "state": 2} for document in documents])
        self._trials.refresh()


def hyperopt_axis(axis: Axis) -> Any:
    from hyperopt import hp

    if axis.choices:
        return hp.choice(axis.name, range(len(axis.choices)))
    if axis.step:
        return hp.quniform(axis.name, axis.low, axis.high, 1)
    if axis.is_log:
        return hp.loguniform(axis.name, math.log(axis.low), math.log(axis.high))
    return hp.uniform(axis.name, axis.low, axis.high)


class ScikitOptimize:
    """Its Optimizer with its defaults: gp_hedge on a Gaussian process, ten Sobol-like points to begin with."""

    def __init__(self, space: SearchSpace, seed: int, spec: ExperimentSpec) -> None:
        import skopt

        del spec
        self._axes = space.axes
        self._optimizer = skopt.Optimizer([skopt_axis(axis) for axis in space.axes], random_state=seed)
        self._points: list[list[Any]] = []

    def ask(self, count: int) -> list[Row]:
        new = [self._optimizer.ask()] if count == 1 else self._optimizer.ask(n_points=count)
        self._points += new
        return [tuple(map(float, point)) for point in new]

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
        trial_count = spec.max_trial_count or 100
        knobs = {"deterministic": True, "n_trials": trial_count, "seed": seed, "output_directory": self._folder.name}
        scenario = Scenario(configurations, **knobs)
        self._facade = HyperparameterOptimizationFacade(scenario, _unused, overwrite=True, logging_level=False)

    def ask(self, count: int) -> list[Row]:
        new = [self._facade.ask() for _ in range(count)]
        self._trials += new
        return [tuple(float(info.config[axis.name]) for axis in self._axes) for info in new]

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
