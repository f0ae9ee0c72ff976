"""The peers of `benchmarks.search`, each asked and told through its own interface, with its own defaults."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

from events.experiment import ExperimentSpec
from functions.identity import derive_seed
from functions.suggestion.axis import Axis
from functions.suggestion.search_space import Row, SearchSpace


class Optuna:
    """A sampler of Optuna in a study of its own."""

    def __init__(self, sampler: str, space: SearchSpace, seed: int, spec: ExperimentSpec, **knobs: bool) -> None:
        import optuna

        del spec
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        self._study = optuna.create_study(sampler=getattr(optuna.samplers, sampler)(seed=seed, **knobs))
        self._space, self._axes = space, space.axes
        self._distributions = {axis.name: optuna_distribution(axis) for axis in space.axes}
        self._trials: list[Any] = []

    def ask(self, count: int) -> list[Row]:
        return [self._ask_whole() if not self._space.is_conditional else self._ask_by_parts() for _ in range(count)]

    def _ask_whole(self) -> Row:
        trial = self._study.ask(self._distributions)
        self._trials.append(trial)
        params = trial.params
        return tuple(float(params[axis.name]) for axis in self._axes)

    def _ask_by_parts(self) -> Row:
        """Define by run: suggest what is active, each parameter after the one that it depends on."""
        trial, row = self._study.ask(), [axis.low for axis in self._axes]
        self._trials.append(trial)
        for index in self._space.conditions.order:
            if self._space.activity(tuple(row))[index]:
                row[index] = float(optuna_suggest(trial, self._axes[index]))
        return tuple(row)

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


def optuna_suggest(trial: Any, axis: Axis) -> float:
    if axis.choices:
        return trial.suggest_categorical(axis.name, range(len(axis.choices)))
    if axis.step:
        return trial.suggest_int(axis.name, int(axis.low), int(axis.high))
    return trial.suggest_float(axis.name, axis.low, axis.high, log=axis.is_log)


class Hyperopt:
    """Its TPE, fed with documents as its own `fmin` does."""

    def __init__(self, space: SearchSpace, seed: int, spec: ExperimentSpec) -> None:
        import hyperopt

        del spec
        self._domain = hyperopt.base.Domain(lambda _: 0.0, hyperopt_space(space))
        self._trials, self._axes, self._seed, self._suggest = hyperopt.Trials(), space.axes, seed, hyperopt.tpe.suggest

    def ask(self, count: int) -> list[Row]:
        return [self._ask() for _ in range(count)]

    def _ask(self) -> Row:
        ids = self._trials.new_trial_ids(1)
        self._trials.refresh()
        documents = self._suggest(ids, self._domain, self._trials, derive_seed(self._seed, ids[0]) % 2**31)
        self._trials.insert_trial_docs(documents)
        values = documents[0]["misc"]["vals"]
        return tuple(it.snap(float(values[it.name][0])) if values[it.name] else it.low for it in self._axes)

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


def hyperopt_space(space: SearchSpace) -> dict[str, Any]:
    """Nest what depends on a choice into its options; what several options share is one node in all of them."""
    conditions, nodes = space.conditions, {}
    for index in reversed(conditions.order or range(len(space.axes))):
        children = {child: conditions.of[child].values for child in conditions.children(index)}
        options = [
            {space.axes[child].name: nodes[child] for child, values in children.items() if value in values}
            for value in range(len(space.axes[index].choices))
        ]
        nodes[index] = hyperopt_axis(space.axes[index], options)
    roots = conditions.children(None) if conditions else range(len(space.axes))
    return {space.axes[index].name: nodes[index] for index in roots}


def hyperopt_axis(axis: Axis, options: list[dict[str, Any]]) -> Any:
    from hyperopt import hp

    if axis.choices:
        return hp.choice(axis.name, options)
    if axis.step:
        return hp.quniform(axis.name, axis.low, axis.high, 1)
    if axis.is_log:
        return hp.loguniform(axis.name, math.log(axis.low), math.log(axis.high))
    return hp.uniform(axis.name, axis.low, axis.high)
