"""What an Experiment must be to run, in Katib's order and words; every rule is checked, whatever broke before."""

import re
from collections.abc import Iterator

from events.experiment import ExperimentResource, ExperimentSpec
from events.objective import Objective
from events.resource import API_VERSION
from functions.experiment.budget_rules import validate_budget
from functions.experiment.collector_rules import validate_collector
from functions.experiment.constraint_rules import validate_parameter_constraints
from functions.experiment.life_rules import validate_life
from functions.experiment.metadata_rules import validate_metadata
from functions.experiment.objectives_rules import validate_metric_constraints, validate_objectives
from functions.experiment.parsing import Problem
from functions.experiment.search_rules import validate_algorithm, validate_early_stopping, validate_space
from functions.experiment.seed_rules import validate_seeds
from functions.identity import derive_suffix
from functions.trial.template import template_errors

NAME_CHARACTERS = 40
"""Katib's limit: a Trial's name is nine longer, and a label value of Kubernetes has at most 63."""
GENERATED_CHARACTERS = 5
"""What takes the place of the end of a `generateName`."""
NAMESPACE_CHARACTERS = 63
METRIC_NAME_CHARACTERS = 255

RESUME_POLICIES = frozenset({"", "Never", "LongRunning", "FromVolume"})

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NAME_MESSAGE = (
    "name must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with"
    " an alphanumeric character (e.g. 'my-name', or 'abc-123', regex used for validation is"
    f" '^[a-z]([-a-z0-9]*[a-z0-9])?$') and may not be longer than {NAME_CHARACTERS} characters"
)
_NAMESPACE_MESSAGE = (
    "namespace must consist of lower case alphanumeric characters or '-', start and end with an alphanumeric character"
    f" and may not be longer than {NAMESPACE_CHARACTERS} characters"
)
_MUST_BE_SPECIFIED = "must be specified"


def validate_experiment(resource: ExperimentResource) -> Iterator[Problem]:
    """Yield everything that is wrong with an Experiment that has its defaults."""
    spec = resource.spec
    yield from _validate_identity(resource)
    yield from validate_metadata(resource.metadata)
    yield from validate_budget(spec)
    yield from validate_life(spec)
    yield from _validate_objective(spec.objective)
    yield from validate_objectives(spec)
    yield from validate_metric_constraints(spec)
    yield from validate_algorithm(spec)
    yield from validate_early_stopping(spec.early_stopping)
    if spec.resume_policy not in RESUME_POLICIES:
        yield "spec.resumePolicy", f"invalid ResumePolicyType: {spec.resume_policy}"
    yield from _validate_template(spec)
    yield from validate_space(spec)
    yield from validate_parameter_constraints(spec)
    yield from validate_seeds(spec)
    if spec.metrics_collector_spec is not None:
        yield from validate_collector(spec.metrics_collector_spec)


def _validate_identity(resource: ExperimentResource) -> Iterator[Problem]:
    if resource.api_version != API_VERSION:
        yield "apiVersion", f"must be {API_VERSION}"
    if resource.kind != "Experiment":
        yield "kind", "must be Experiment"
    metadata = resource.metadata
    name = metadata.name
    if not name and metadata.generate_name:
        name = metadata.generate_name + derive_suffix(length=GENERATED_CHARACTERS)
    if not _NAME.fullmatch(name) or len(name) > NAME_CHARACTERS:
        yield "metadata.name", _NAME_MESSAGE
    if not _NAMESPACE.fullmatch(metadata.namespace) or len(metadata.namespace) > NAMESPACE_CHARACTERS:
        yield "metadata.namespace", _NAMESPACE_MESSAGE


def _validate_objective(objective: Objective | None) -> Iterator[Problem]:
    at = "spec.objective"
    if objective is None:
        yield at, _MUST_BE_SPECIFIED
        return
    if objective.type is None:
        yield f"{at}.type", "must be minimize or maximize"
    if not objective.objective_metric_name:
        yield f"{at}.objectiveMetricName", _MUST_BE_SPECIFIED
    elif objective.objective_metric_name in objective.additional_metric_names:
        yield f"{at}.additionalMetricNames", "should not contain spec.objective.objectiveMetricName"
    yield from _validate_length(f"{at}.objectiveMetricName", objective.objective_metric_name)
    for index, name in enumerate(objective.additional_metric_names):
        path = f"{at}.additionalMetricNames[{index}]"
        yield from _validate_length(path, name)
        if not name:
            yield path, _MUST_BE_SPECIFIED


def _validate_length(path: str, name: str) -> Iterator[Problem]:
    if len(name) > METRIC_NAME_CHARACTERS:
        yield path, f"may not be longer than {METRIC_NAME_CHARACTERS} characters"


def _validate_template(spec: ExperimentSpec) -> Iterator[Problem]:
    if spec.trial_template is None:
        yield "spec.trialTemplate", _MUST_BE_SPECIFIED
        return
    yield from template_errors(spec.trial_template, [parameter.name for parameter in spec.parameters])
