"""Whether an Experiment may enter: its manifest parsed, completed and checked, with all errors at once."""

import re
from dataclasses import dataclass

from events.experiment import ExperimentResource
from events.resource import Manifest, unknown_fields
from functions.experiment.defaults import apply_defaults
from functions.experiment.parsing import Problem, parse
from functions.experiment.validation import validate_experiment

_SERVER_FIELDS = frozenset(
    f"metadata.{name}"
    for name in (
        "deletionGracePeriodSeconds",
        "finalizers",
        "generation",
        "managedFields",
        "ownerReferences",
        "selfLink",
    )
)
"""What Kubernetes writes into metadata: known, though nothing of ours reads it."""

_SECTION = re.compile(r"\w+(\.\w+)?")


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field."""

    path: str
    message: str

    def __str__(self) -> str:
        """Return `path: message`."""
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class Admission:
    """The Experiment with its defaults, its errors, and the fields that nobody knows.

    The resource is None where the manifest does not have the types of an Experiment.
    """

    resource: ExperimentResource | None
    errors: tuple[FieldError, ...] = ()
    unknown: tuple[str, ...] = ()


def read_experiment(manifest: Manifest) -> Admission:
    """Parse the manifest, apply the defaults and validate everything; an Experiment without errors may run."""
    parsed = parse(manifest)
    problems = list(parsed.problems)
    unknown: tuple[str, ...] = ()
    resource = None
    if parsed.resource is not None:
        resource = apply_defaults(parsed.resource)
        unknown = tuple(path for path in unknown_fields(parsed.resource) if path not in _SERVER_FIELDS)
        wrong = {path for path, _ in parsed.problems}
        problems += (problem for problem in validate_experiment(resource) if not _is_consequence(problem, wrong))
    errors = tuple(FieldError(path, message) for path, message in dict.fromkeys(problems))
    return Admission(None if parsed.problems else resource, errors, unknown)


def _is_consequence(problem: Problem, wrong: set[str]) -> bool:
    """Tell whether the problem may only be there because a value of a wrong type was replaced or left out."""
    section, sections = _section(problem[0]), {_section(path) for path in wrong}
    if section in sections or any(section.startswith(f"{each}.") for each in sections):
        return True
    if section == "spec.trialTemplate":
        return any(_section(path) == "spec.parameters" and path.endswith(("parameters", ".name")) for path in wrong)
    return "spec.parameters" in sections and section in {"spec", "spec.algorithm"}


def _section(path: str) -> str:
    """Return the part of the Experiment that a path lies in, such as `spec.parameters`."""
    found = _SECTION.match(path)
    return found.group() if found else path
