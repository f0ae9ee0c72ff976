"""What a Trial's reports mean for it and for others: each is judged once, as it is recorded."""

from collections.abc import Sequence
from dataclasses import replace

from events.observation import MetricPoint, MetricRange
from events.trial import TargetKind
from functions.experiment.model import Experiment
from functions.observation.early_stopping import build_stopper
from functions.observation.early_stopping.interface import Request
from functions.observation.fold import to_number
from functions.observation.recording import load_points, record_range
from functions.ports import Store
from functions.trial.model import StopReason, Trial, TrialState


async def observe(
    points: MetricRange, experiment: Experiment, trial: Trial, store: Store, *, has_ended: bool = False
) -> bool:
    """Record the range if it is due and judge its reports; tell whether the Trial is asked to stop for them.

    The reports of a Worker that has ended are not asked what to do with it, but others are compared with them.
    """
    fresh = await record_range(points, trial, store)
    if fresh is None or experiment.spec.early_stopping is None or trial.is_stopping:
        return False
    stopper = build_stopper(experiment.spec.early_stopping)
    is_running = not has_ended and _is_running(trial)
    values = _numbers(fresh, experiment)
    judged = len(values) - 1 if stopper.judges_newest else 0
    for value in values[:judged]:
        trial.progress = trial.progress.add(value, keep=stopper.keep)
    for value in values[judged:]:
        trial.progress = trial.progress.add(value, keep=stopper.keep)
        if stopper.judges_newest and not is_running:
            continue
        decision = await stopper.decide(Request(experiment, trial, trial.progress, store))
        trial.progress = replace(decision.progress, asked=decision.progress.step)
        if decision.reason and is_running:
            trial.ask_stop(StopReason.EARLY_STOPPED, f"Trial is early stopped: {decision.reason}")
            return True
    return False


def _is_running(trial: Trial) -> bool:
    """Tell whether there is something to stop; an External Worker has the Trial from its creation on."""
    is_external = trial.target == TargetKind.EXTERNAL
    return trial.state == (TrialState.PENDING if is_external else TrialState.RUNNING)


async def leave_lessons(experiment: Experiment, trial: Trial, store: Store) -> None:
    """Have others compared with a Trial that has succeeded."""
    if experiment.spec.early_stopping is None:
        return

    async def series() -> Sequence[float | None]:
        return _numbers(await load_points(trial, store), experiment)

    request = Request(experiment, trial, trial.progress, store)
    await build_stopper(experiment.spec.early_stopping).learn(request, series)


def _numbers(points: Sequence[MetricPoint], experiment: Experiment) -> list[float | None]:
    name = experiment.objective.objective_metric_name
    return [to_number(point.value) for point in points if point.name == name]
