"""EventBridge's envelope: Batch's job states become worker.changed, schedules ticks, and a bus carries CloudEvents."""

import json
from typing import Any

import pytest

from events.envelope import MalformedEventError, decode, encode
from events.experiment import ClockTicked, ExperimentCreated
from events.trial import WorkerChanged
from functions.worker import Worker
from infra.broker.unwrap import unwrap
from infra.target.worker_environment import identity_environment
from tests.builders import a_created_event, a_trial, an_experiment


def _envelope(kind: str, detail: object, source: str = "aws.batch") -> bytes:
    about = {"version": "0", "id": "c8f9c4b5", "account": "123456789012", "region": "us-east-1", "resources": []}
    return json.dumps(
        {**about, "detail-type": kind, "source": source, "time": "2026-03-01T12:00:00Z", "detail": detail}
    ).encode()


def _job(environment: object) -> dict[str, Any]:
    return {
        "jobName": "digits-abc",
        "jobId": "4c7599ae",
        "status": "RUNNING",
        "container": {"environment": environment},
    }


def test_a_batch_jobs_new_state_becomes_worker_changed() -> None:
    experiment = an_experiment()
    trial = a_trial(experiment, 3)
    worker = Worker(experiment=experiment.ref, trial=trial.ref, attempt=2, manifest={})
    environment = [{"name": name, "value": value} for name, value in identity_environment(worker).items()]

    detail = _job([{"name": "PATH", "value": "/bin"}, *environment])

    event = decode(unwrap(_envelope("Batch Job State Change", detail)))

    assert isinstance(event, WorkerChanged)
    assert (event.experiment, event.trial, event.attempt, event.target) == (experiment.ref, trial.ref, 2, "batch")
    assert event.id == decode(unwrap(_envelope("Batch Job State Change", detail))).id


@pytest.mark.parametrize(
    "detail",
    [_job([]), _job(None), _job([{"name": "KUTTAB_NAMESPACE", "value": "default"}]), {"container": []}, None, "text"],
)
def test_a_job_of_somebody_else_is_named_as_such(detail: object) -> None:
    with pytest.raises(MalformedEventError, match="detail: no job of ours"):
        unwrap(_envelope("Batch Job State Change", detail))


def test_a_schedule_becomes_a_tick() -> None:
    event = decode(unwrap(_envelope("Scheduled Event", {}, source="aws.events")))

    assert isinstance(event, ClockTicked)
    assert event.time.isoformat() == "2026-03-01T12:00:00+00:00"


def test_a_bus_carries_cloud_events() -> None:
    published = a_created_event()

    event = decode(unwrap(_envelope("kuttab", json.loads(encode(published)), source="my.shop")))

    assert isinstance(event, ExperimentCreated)
    assert event == published


@pytest.mark.parametrize("detail", [None, [], {}, {"data": 1}])
def test_a_bus_event_that_is_no_cloud_event_is_refused(detail: object) -> None:
    with pytest.raises(MalformedEventError, match="detail: of 'kuttab' must be a CloudEvent"):
        unwrap(_envelope("kuttab", detail))
