"""The Worker of a Trial: its manifest is rendered from the Experiment's template whenever it is needed."""

from events.objective import MetricsCollectorSpec
from events.resource import Manifest
from events.search_space import ParameterAssignment
from events.trial import TargetKind, TrialTemplate
from functions.experiment.model import Experiment
from functions.trial.lineage import find_lineage
from functions.trial.model import Trial
from functions.trial.template import render, split_commands
from functions.worker import Worker

_SPLIT = frozenset({TargetKind.PROCESS, TargetKind.KUBERNETES})
"""Where commands are run that Katib hands to a shell."""


def render_worker(experiment: Experiment, trial: Trial, *, attempt: int | None = None) -> Worker:
    """Return the Worker of this attempt; the current one unless another is named."""
    template = experiment.spec.trial_template or TrialTemplate()
    if trial.target in _SPLIT:
        template = split_commands(template)
    manifest = render_manifest(template, experiment, trial)
    return Worker(
        experiment=experiment.ref,
        trial=trial.ref,
        attempt=attempt or trial.attempt,
        manifest=manifest,
        primary_container_name=template.primary_container_name,
        primary_pod_labels=template.primary_pod_labels or {},
        success_condition=template.success_condition,
        failure_condition=template.failure_condition,
        pending_timeout_seconds=template.pending_timeout_seconds,
        collector=experiment.spec.metrics_collector_spec or MetricsCollectorSpec(),
        metric_names=experiment.objective.metric_names,
        labels=trial.labels,
        lineage=find_lineage(experiment.spec, trial.labels, best_name=_best_name(experiment)),
        reference=trial.reference if attempt in {None, trial.attempt} else "",
    )


def _best_name(experiment: Experiment) -> str:
    return experiment.optimal.best_trial_name if experiment.optimal else ""


def render_manifest(template: TrialTemplate, experiment: Experiment, trial: Trial) -> Manifest:
    """Return the Trial's manifest, also where some parameters of the template have no value in it."""
    assignments = (*_inactive(experiment), *trial.assignments)
    return render(template, assignments=assignments, trial_name=trial.name, namespace=trial.namespace)


def _inactive(experiment: Experiment) -> list[ParameterAssignment]:
    """Return what the placeholders of parameters become that may have no value; a value of the Trial's comes later."""
    parameters = (it for it in experiment.spec.parameters if it.when is not None)
    return [ParameterAssignment(name=it.name, value=it.when_inactive or "") for it in parameters]
