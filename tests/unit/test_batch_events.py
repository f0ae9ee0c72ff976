"""EventBridge's words about a Batch job become ours."""

import json
from pathlib import Path
from typing import Any

import pytest

from events.reference import ExperimentRef, TrialRef
from events.trial import TargetKind
from functions.worker import Worker
from infra.target.batch_events import worker_changed_of
from infra.target.batch_identity import identity_of, identity_tags, job_name

PAYLOAD = Path(__file__).parents[1] / "data" / "batch_job_state_change.json"
WORKER = Worker(
    experiment=ExperimentRef(namespace="team-a", name="digits", uid="0192f0c0-0000-7000-8000-000000000001"),
    trial=TrialRef(name="digits-b2cd4f6h", uid="3f9d1f1e-6b18-8a63-9c0d-2f6d4a1b8c70", number=7),
    attempt=2,
    manifest={},
)


@pytest.fixture
def detail() -> dict[str, Any]:
    detail: dict[str, Any] = json.loads(PAYLOAD.read_text())["detail"]
    return detail


def test_a_state_change_names_the_attempt_of_the_trial(detail: dict[str, Any]) -> None:
    event = worker_changed_of(detail)

    assert event is not None
    assert (event.experiment, event.trial) == (WORKER.experiment, WORKER.trial)
    assert (event.attempt, event.target) == (2, TargetKind.BATCH)


def test_a_state_change_delivered_twice_has_one_id_and_another_has_another(detail: dict[str, Any]) -> None:
    first, again = worker_changed_of(detail), worker_changed_of(detail)
    other = worker_changed_of(detail | {"status": "RUNNING"})

    assert first is not None
    assert again is not None
    assert other is not None
    assert first.id == again.id != other.id


@pytest.mark.parametrize("lost", ["tags", "container"])
def test_tags_or_environment_are_enough(detail: dict[str, Any], lost: str) -> None:
    del detail[lost]

    assert worker_changed_of(detail) is not None


@pytest.mark.parametrize("status", ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING"])
def test_a_job_that_does_not_run_yet_says_nothing(detail: dict[str, Any], status: str) -> None:
    assert worker_changed_of(detail | {"status": status}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"tags": {}, "container": {"environment": []}},
        {"tags": None, "container": None},
        {"tags": {"KUTTAB_TRIAL_UID": "x"}, "container": {"environment": ["x"]}},
        {"tags": {"resourceArn": "arn"}, "container": "text"},
    ],
)
def test_a_job_of_somebody_else_is_nothing_to_us(detail: dict[str, Any], change: dict[str, Any]) -> None:
    assert worker_changed_of(detail | change) is None


def test_what_a_job_is_tagged_with_says_whose_it_is() -> None:
    identity = identity_of({"tags": identity_tags(WORKER)})

    assert identity is not None
    assert (identity.experiment, identity.trial, identity.attempt) == (WORKER.experiment, WORKER.trial, 2)


def test_a_job_name_is_one_that_batch_takes() -> None:
    long = Worker(WORKER.experiment, TrialRef(name="x.y" * 40, uid="u" * 64, number=1), 12, {})

    assert job_name(WORKER) == "digits-b2cd4f6h-3f9d1f1e-6b18-8a63-9c0d-2f6d4a1b8c70-2"
    assert len(job_name(long)) <= 128
    assert job_name(long).replace("-", "").replace("_", "").isalnum()
