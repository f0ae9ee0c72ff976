"""Katib's defaults: what an Experiment means where it says nothing."""

from events.experiment import ExperimentResource
from events.objective import (
    Collector,
    CollectorKind,
    CollectorSource,
    FileSystemPath,
    MetricsCollectorSpec,
    MetricStrategy,
    MetricStrategyType,
    Objective,
    ObjectiveType,
)
from events.resource import Manifest
from events.search_space import Distribution, ParameterSpec
from events.trial import TrialTemplate
from functions.experiment.objective_defaults import complete_objective

PARALLEL_TRIAL_COUNT = 3
RESUME_POLICY = "Never"
METRICS_FILE = "/var/log/katib/metrics.log"
TENSORFLOW_EVENT_DIRECTORY = "/var/log/katib/tfevent/"

_STRATEGIES = {ObjectiveType.MINIMIZE: MetricStrategyType.MIN, ObjectiveType.MAXIMIZE: MetricStrategyType.MAX}
_TRAINING_JOBS = ("TFJob", "PyTorchJob", "XGBoostJob", "MPIJob")
_SUCCESS_OF = {"Job": "Complete", "TrainJob": "Complete", **dict.fromkeys(_TRAINING_JOBS, "Succeeded")}
_MASTER = {"training.kubeflow.org/job-role": "master"}
_FIRST_NODE = {"jobset.sigs.k8s.io/replicatedjob-name": "node", "batch.kubernetes.io/job-completion-index": "0"}
_PRIMARY_POD_OF = {"TrainJob": _FIRST_NODE, **dict.fromkeys(_TRAINING_JOBS, _MASTER)}
_METRICS_PORT = 8080
_UNSET_PORTS = (None, "0", 0)


def apply_defaults(resource: ExperimentResource) -> ExperimentResource:
    """Return the Experiment with everything filled in that Katib fills in; a second time changes nothing."""
    spec = resource.spec
    return resource.replace(
        spec=spec.replace(
            parallel_trial_count=_parallel_trial_count(spec.parallel_trial_count, spec.max_trial_count),
            resume_policy=spec.resume_policy or RESUME_POLICY,
            objective=_with_strategies(objective) if (objective := complete_objective(spec)) else None,
            trial_template=_with_conditions(spec.trial_template) if spec.trial_template else None,
            metrics_collector_spec=_with_source(spec.metrics_collector_spec or MetricsCollectorSpec()),
            parameters=tuple(map(_with_distribution, spec.parameters)),
        )
    )


def _parallel_trial_count(given: int | None, most: int | None) -> int:
    """Return three, or fewer where fewer Trials are wanted at all: Katib would refuse its own default then."""
    if given is not None:
        return given
    return PARALLEL_TRIAL_COUNT if most is None else max(1, min(PARALLEL_TRIAL_COUNT, most))


def _with_strategies(objective: Objective) -> Objective:
    fold = _STRATEGIES.get(objective.type, MetricStrategyType.LATEST) if objective.type else MetricStrategyType.LATEST
    named = {strategy.name for strategy in objective.metric_strategies}
    missing = (name for name in dict.fromkeys(objective.metric_names) if name not in named)
    added = tuple(MetricStrategy(name=name, value=fold) for name in missing)
    return objective.replace(metric_strategies=(*objective.metric_strategies, *added))


def _with_conditions(template: TrialTemplate) -> TrialTemplate:
    """Fill in how a Kubernetes kind says that it has ended, and which of its pods is the primary one."""
    kind = (template.trial_spec or {}).get("kind")
    if not isinstance(kind, str) or kind not in _SUCCESS_OF:
        return template
    success, failure = default_conditions(kind)
    return template.replace(
        success_condition=template.success_condition or success,
        failure_condition=template.failure_condition or failure,
        primary_pod_labels=template.primary_pod_labels or _PRIMARY_POD_OF.get(kind),
    )


def default_conditions(kind: str) -> tuple[str, str]:
    """Return the success and failure conditions of a kind; empty where it has none of its own."""
    return (_condition(_SUCCESS_OF[kind]), _condition("Failed")) if kind in _SUCCESS_OF else ("", "")


def _condition(kind: str) -> str:
    return f'status.conditions.#(type=="{kind}")#|#(status=="True")#'


def _with_source(spec: MetricsCollectorSpec) -> MetricsCollectorSpec:
    collector = spec.collector or Collector(kind=CollectorKind.STDOUT)
    source = spec.source or CollectorSource()
    match collector.kind:
        case CollectorKind.FILE:
            source = _with_path(source, FileSystemPath(path=METRICS_FILE, kind="File", format="TEXT"))
        case CollectorKind.TENSORFLOW_EVENT:
            source = _with_path(source, FileSystemPath(path=TENSORFLOW_EVENT_DIRECTORY, kind="Directory"))
        case CollectorKind.PROMETHEUS_METRIC:
            source = source.replace(http_get=_with_endpoint(source.http_get or {}))
        case _:
            return spec.replace(collector=collector)
    return spec.replace(collector=collector, source=source)


def _with_path(source: CollectorSource, default: FileSystemPath) -> CollectorSource:
    given = source.file_system_path or FileSystemPath()
    path = given.replace(
        path=given.path or default.path, kind=given.kind or default.kind, format=given.format or default.format
    )
    return source.replace(file_system_path=path)


def _with_endpoint(given: Manifest) -> Manifest:
    port = _METRICS_PORT if given.get("port") in _UNSET_PORTS else given["port"]
    return {**given, "path": given.get("path") or "/metrics", "port": port}


def _with_distribution(parameter: ParameterSpec) -> ParameterSpec:
    space = parameter.feasible_space
    distribution = space.distribution or Distribution.UNIFORM
    return parameter.replace(feasible_space=space.replace(distribution=distribution))
