"""JSON merge patch (RFC 7396), and what of a wanted Experiment may be changed."""

from pydantic import JsonValue

from events.experiment import Budget, ExperimentResource
from events.resource import Manifest
from functions.api.kinds import Kind
from functions.api.problems import ApiError, invalid
from functions.experiment.admission import read_experiment
from functions.experiment.model import Experiment
from functions.experiment.parsing import Problem
from functions.experiment.update_rules import validate_update


def merge(found: JsonValue, patch: JsonValue) -> JsonValue:
    """Return the value with the patch applied: null takes a field away."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(found) if isinstance(found, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def read_wanted(manifest: Manifest, experiment: Experiment) -> ExperimentResource:
    """Return what is to take the Experiment's place. Raises ApiError with everything that is wrong with it."""
    admission = read_experiment(manifest)
    problems: list[Problem] = [(error.path, error.message) for error in admission.errors]
    if admission.resource is not None:
        problems += validate_update(experiment, admission.resource.spec)
    if problems or admission.resource is None:
        raise refuse(experiment.name, problems)
    return admission.resource


def refuse(name: str, problems: list[Problem]) -> ApiError:
    """Return the Status that names every problem once."""
    return invalid(Kind.EXPERIMENTS, name, list(dict.fromkeys(problems)))


def budget_of(resource: ExperimentResource) -> Budget:
    """Return the complete budget, as an edit carries it."""
    return Budget.model_validate({name: getattr(resource.spec, name) for name in Budget.model_fields})
