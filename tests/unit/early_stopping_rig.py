"""Trials that report in any order, judged by a stopper of ours and by a pruner of Optuna's."""

import math
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import optuna

from events.objective import EarlyStopping
from events.resource import Setting
from functions.experiment.model import Experiment
from functions.observation.early_stopping import build_stopper
from functions.observation.early_stopping.interface import Request
from functions.observation.fold import to_number
from functions.trial.model import Trial
from tests.builders import UID, a_range, a_trial, an_experiment

Reports = Sequence[float]
COMPLETE, FAIL, PRUNED = (optuna.trial.TrialState[name] for name in ("COMPLETE", "FAIL", "PRUNED"))


class MemoryRungs:
    """Rungs in a dict."""

    def __init__(self) -> None:
        self.values: dict[int, dict[str, float]] = defaultdict(dict)

    async def rung(self, experiment_uid: str, name: str) -> Mapping[int, float]:
        return {number: values[name] for number, values in self.values.items() if name in values}

    async def rungs_of(self, experiment_uid: str, number: int) -> Mapping[str, float]:
        return dict(self.values[number])

    async def reach_rungs(self, trial: Trial, values: Mapping[str, float]) -> None:
        self.values[trial.number] |= values


def an_early_stopping(name: str, **settings: object) -> EarlyStopping:
    pairs = tuple(Setting(name=key, value=str(value)) for key, value in settings.items())
    return EarlyStopping(algorithm_name=name, algorithm_settings=pairs)


def an_experiment_with(strategy: str, direction: str = "minimize") -> Experiment:
    strategies = [{"name": "loss", "value": strategy}]
    objective = {"type": direction, "objectiveMetricName": "loss", "metricStrategies": strategies}
    return an_experiment(objective=objective)


@dataclass
class Judge:
    """Ours: Trials report to it one value at a time."""

    experiment: Experiment
    early_stopping: EarlyStopping

    def __post_init__(self) -> None:
        self.rungs = MemoryRungs()
        self.trials: dict[int, Trial] = {}
        self.reports: dict[int, list[float | None]] = defaultdict(list)
        self.reasons: dict[int, str] = {}

    async def report(self, number: int, value: float) -> bool:
        """Tell whether the Trial is to stop."""
        stopper = build_stopper(self.early_stopping)
        trial = self.trials.setdefault(number, a_trial(self.experiment, number))
        known = to_number(str(value))
        self.reports[number].append(known)
        trial.fold = trial.fold.add(a_range(value).points)
        trial.progress = trial.progress.add(known, keep=stopper.keep)
        decision = await stopper.decide(Request(self.experiment, trial, trial.progress, self.rungs))
        trial.progress = replace(decision.progress, asked=decision.progress.step)
        self.reasons[number] = decision.reason
        return bool(decision.reason)

    async def succeed(self, number: int) -> float | None:
        """Return the objective of a Trial that has come to its end; without one it has not succeeded."""
        trial = self.trials[number]
        value = trial.fold.value_of(self.experiment.objective)
        if value is None:
            return None

        async def series() -> Sequence[float | None]:
            return self.reports[number]

        await build_stopper(self.early_stopping).learn(
            Request(self.experiment, trial, trial.progress, self.rungs), series
        )
        self.experiment.succeeded += 1
        return value


async def our_stops(judge: Judge, trials: Sequence[Reports], order: Sequence[int]) -> dict[int, int]:
    """Return after how many reports each Trial was stopped that was; Trials report in this order, then to their end."""
    stops: dict[int, int] = {}
    for number, step, value, is_last in _turns(trials, order, stops):
        if await judge.report(number, value):
            stops[number] = step
        elif is_last:
            await judge.succeed(number)
    return stops


def optunas_stops(
    make: Callable[[], optuna.pruners.BasePruner], trials: Sequence[Reports], order: Sequence[int], *, judge: Judge
) -> dict[int, int]:
    """Return the same of Optuna's pruner, which sees what no finite number is as NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        direction = judge.experiment.objective.type
        study = optuna.create_study(direction=direction, pruner=make(), study_name=UID)
        asked = [study.ask() for _ in trials]
        stops: dict[int, int] = {}
        for number, step, value, is_last in _turns(trials, order, stops):
            asked[number].report(value if math.isfinite(value) else math.nan, step)
            if asked[number].should_prune():
                stops[number] = step
                study.tell(asked[number], state=PRUNED)
            elif is_last:
                fold = judge.trials[number].fold.value_of(judge.experiment.objective)
                study.tell(asked[number], fold, state=COMPLETE if fold is not None else FAIL)
        return stops


def _turns(trials: Sequence[Reports], order: Sequence[int], stops: Mapping[int, int]) -> Any:
    steps = [0] * len(trials)
    for number in [*order, *(n for n, reports in enumerate(trials) for _ in reports)]:
        if number < len(trials) and number not in stops and steps[number] < len(trials[number]):
            steps[number] += 1
            yield number, steps[number], trials[number][steps[number] - 1], steps[number] == len(trials[number])
