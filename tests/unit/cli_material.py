"""Experiments with a past, in memory and in a runner's directory, for the tests of the command and its views."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from events.observation import MetricPoint
from events.search_space import ParameterAssignment
from functions.experiment.model import Experiment
from functions.trial.model import Trial, TrialState
from infra.store.engine import SQLStores, make_engine
from infra.store.mapping import map_domain
from infra.store.schema import upgrade
from local_runner.view.look import Look
from tests.builders import EPOCH, a_suggestion, a_trial, an_experiment

map_domain()  # before the first Experiment is made: what is older cannot be stored


def assigned(**values: object) -> tuple[ParameterAssignment, ...]:
    return tuple(ParameterAssignment(name=name, value=str(value)) for name, value in values.items())


def add_trial(experiment: Experiment, number: int, *, at: datetime | None = None, **fields: Any) -> Trial:
    """Return a Trial that the Experiment counts, running for two seconds."""
    now = at or experiment.created_at
    trial = a_trial(experiment, number, assignments=assigned(x=number / 10), **fields)
    trial.created_at = now
    experiment.count_created(1)
    experiment.count_move(TrialState.PENDING, TrialState.RUNNING)
    trial.state = TrialState.RUNNING
    trial.started_at = now
    return trial


def report(trial: Trial, value: object, *, name: str = "loss") -> Trial:
    trial.fold = trial.fold.add([MetricPoint(position=0, name=name, value=str(value))])
    return trial


def finish(
    experiment: Experiment, trial: Trial, state: TrialState = TrialState.SUCCEEDED, *, seconds: float = 2, **words: str
) -> Trial:
    assert trial.started_at
    experiment.finish_trial(trial, state, at=trial.started_at + timedelta(seconds=seconds), **words)
    return trial


def a_past(values: Sequence[object], *, running: int = 0, **spec: Any) -> tuple[Experiment, list[Trial]]:
    """Return an Experiment whose first Trials ended with these values (None: failed), and some that run."""
    spec = {"maxTrialCount": 12, **spec}
    spec = {"parallelTrialCount": min(4, spec["maxTrialCount"] or 4), **spec}
    experiment = an_experiment(**spec)
    trials = []
    for number, value in enumerate(values, start=1):
        trial = add_trial(experiment, number)
        if value is None:
            finish(experiment, trial, TrialState.FAILED, message="exit code 3")
        else:
            finish(experiment, report(trial, value))
        trials.append(trial)
    trials += (add_trial(experiment, len(values) + index) for index in range(1, running + 1))
    experiment.settle(at=EPOCH + timedelta(seconds=2))
    return experiment, trials


def a_look(experiment: Experiment, trials: Sequence[Trial], *, remaining_seconds: float | None = None) -> Look:
    ended = tuple(trial for trial in trials if not trial.is_active)
    active = tuple(trial for trial in trials if trial.is_active)
    return Look(experiment, EPOCH + timedelta(seconds=65), active, ended, remaining_seconds)


class FakeReader:
    """Reads what a test puts there."""

    def __init__(self, experiment: Experiment | None, trials: Sequence[Trial] = ()) -> None:
        self.experiment, self.rows = experiment, list(trials)
        self.asked_after: list[int] = []

    async def experiment_of_uid(self, uid: str) -> Experiment | None:
        return self.experiment if self.experiment and self.experiment.uid == uid else None

    async def trials(self, experiment_uid: str, *, after: int = 0, with_hidden: bool = False) -> Sequence[Trial]:
        self.asked_after.append(after)
        return [trial for trial in self.rows if trial.number > after and (with_hidden or not trial.is_hidden)][:3]


def fill_directory(directory: Path, experiment: Experiment, trials: Sequence[Trial]) -> None:
    """Write the Experiment into the database of a runner's directory."""
    directory.mkdir(exist_ok=True)
    asyncio.run(_fill(directory, experiment, trials))


async def _fill(directory: Path, experiment: Experiment, trials: Sequence[Trial]) -> None:
    engine = make_engine(f"sqlite+aiosqlite:///{directory / 'kuttab.db'}")
    await upgrade(engine)
    stores = SQLStores(engine)
    async with stores.begin() as store:
        assert await store.add_experiment(experiment, a_suggestion(experiment.uid))
        await store.add_trials(trials)
    await stores.close()
