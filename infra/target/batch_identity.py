"""How an AWS Batch job tells whose Worker it is: by its name, its tags and its environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from events.reference import ExperimentRef, TrialRef
from functions.worker import Worker
from infra.target.worker_environment import identity_environment

_TRIAL_NAME_CHARACTERS = 80
"""Of a job's name, which Batch allows 128 characters: the uid and the attempt need the rest."""
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class JobIdentity:
    """Which attempt of which Trial a job is."""

    experiment: ExperimentRef
    trial: TrialRef
    attempt: int


def job_name(worker: Worker) -> str:
    """Return the job's name, which no other attempt of any Trial has."""
    name = _NOT_ALLOWED.sub("-", worker.trial.name[:_TRIAL_NAME_CHARACTERS])
    return f"{name}-{_NOT_ALLOWED.sub('-', worker.trial.uid)[:40]}-{worker.attempt}"


def identity_tags(worker: Worker) -> dict[str, str]:
    """Return the tags that `identity_of` reads."""
    return {name: value for name, value in identity_environment(worker).items() if name.startswith("KUTTAB_")}


def identity_of(job: Mapping[str, object]) -> JobIdentity | None:
    """Read a job as DescribeJobs or EventBridge shows it: its tags, else its environment; None where it is not ours."""
    for found in (_texts(job.get("tags")), _environment_of(job)):
        if identity := _read(found):
            return identity
    return None


def _read(found: Mapping[str, str]) -> JobIdentity | None:
    try:
        experiment = ExperimentRef(
            namespace=found["KUTTAB_NAMESPACE"], name=found["KUTTAB_EXPERIMENT"], uid=found["KUTTAB_EXPERIMENT_UID"]
        )
        number = int(found["KUTTAB_TRIAL_NUMBER"])
        trial = TrialRef(name=found["KUTTAB_TRIAL_NAME"], uid=found["KUTTAB_TRIAL_UID"], number=number)
        return JobIdentity(experiment, trial, int(found["KUTTAB_ATTEMPT"]))
    except (KeyError, ValueError, ValidationError):
        return None


def _environment_of(job: Mapping[str, object]) -> dict[str, str]:
    container = job.get("container")
    entries = container.get("environment") if isinstance(container, Mapping) else None
    named = [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []
    return {str(entry.get("name")): str(entry.get("value")) for entry in named}


def _texts(value: object) -> dict[str, str]:
    return {str(key): str(text) for key, text in value.items()} if isinstance(value, Mapping) else {}
