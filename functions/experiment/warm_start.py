"""The Experiments that a search begins from: which finishes of them count is settled when it is admitted."""

from events.reference import ExperimentRef
from functions.experiment.model import Experiment
from functions.experiment.reasons import EndReason
from functions.experiment.sources import WarmSource
from functions.ports import Store


async def settle_sources(experiment: Experiment, store: Store) -> None:
    """Note the finishes that are there now of every Experiment in `warmStartFrom`; it is invalid where one is none."""
    names = experiment.spec.warm_start_from or ()
    problems, sources = [], []
    for index, name in enumerate(names):
        source = await store.experiment(ExperimentRef(namespace=experiment.namespace, name=name, uid=""))
        if problem := _find_problem(experiment, source, name):
            problems.append(f"spec.warmStartFrom[{index}]: {problem}")
        elif source is not None:
            sources.append(WarmSource(uid=source.uid, name=source.name, seq=source.seq))
    experiment.warm_sources = tuple(sources)
    if problems:
        at = await store.now()
        experiment.error = "\n".join(problems)
        experiment.end(EndReason.INVALID, at=at, message=experiment.error)


def _find_problem(experiment: Experiment, source: Experiment | None, name: str) -> str:
    if source is None:
        return f"there is no Experiment {name} in namespace {experiment.namespace}"
    if source.spec.nas_config is not None:
        return f"Experiment {name} searches spec.nasConfig, so its results say nothing of parameters"
    mine, theirs = _metrics_of(experiment), _metrics_of(source)
    if mine != theirs:
        return f"Experiment {name} has the objective {' and '.join(theirs)}, not {' and '.join(mine)}"
    if experiment.spec.constraints and experiment.spec.constraints != source.spec.constraints:
        return f"Experiment {name} has other constraints on metrics"
    return ""


def _metrics_of(experiment: Experiment) -> list[str]:
    """Return the metrics of the objectives, each with its fold: values of another one would say something else."""
    objectives = experiment.spec.objectives or (experiment.objective,)
    names = [objective.objective_metric_name for objective in objectives]
    return [f"{name} ({experiment.objective.strategy_of(name)})" for name in names]
