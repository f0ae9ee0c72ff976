"""An AWS Batch job as DescribeJobs shows it, and what that means for its Worker."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from functions.worker import WorkerPhase, WorkerState
from infra.target.batch_identity import JobIdentity, identity_of
from infra.target.batch_reasons import reason_of

REMOVED = "Removed by Kuttab"
"""Why a job was terminated whose Worker must be gone: it counts as gone from then on."""
STOPPED = "Stopped by Kuttab"
DEFAULT_LOG_GROUP = "/aws/batch/job"
_DEFAULT_DRIVER = "awslogs"
_ENDED = frozenset({"SUCCEEDED", "FAILED"})
_SOURCE_CHARACTERS = 128
"""Of a log's name in our events; the end of a stream's name is its own, the beginning its definition's."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """One job, parsed."""

    id: str
    name: str
    status: str
    identity: JobIdentity | None
    status_reason: str
    container_reason: str
    exit_code: int | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    log_group: str
    """Empty where the job's log does not go to CloudWatch."""
    log_stream: str
    """Of the newest attempt that has one; empty until the first has begun."""
    looked_at: datetime
    """By AWS's clock."""

    @property
    def is_over(self) -> bool:
        """Tell whether the job has ended."""
        return self.status in _ENDED

    @property
    def source(self) -> str:
        """What distinguishes this log from that of another attempt."""
        return (self.log_stream or self.id)[-_SOURCE_CHARACTERS:]

    def to_state(self) -> WorkerState:
        """Return how the Worker stands; a job that waits for its turn counts as running."""
        if self.status == "FAILED" and self.status_reason.startswith(REMOVED):
            return missing("the job was removed")
        state = WorkerState(WorkerPhase.RUNNING, started_at=self.started_at, looked_at=self.looked_at)
        if not self.is_over:
            return replace(state, reason=self.status.capitalize(), message=self.status_reason)
        state = replace(state, ended_at=self.ended_at)
        if self.status == "SUCCEEDED":
            return replace(state, phase=WorkerPhase.SUCCEEDED, exit_code=self.exit_code or 0)
        reason, message = reason_of(self.status_reason, self.container_reason, self.exit_code)
        return replace(state, phase=WorkerPhase.FAILED, exit_code=self.exit_code, reason=reason, message=message)


def missing(message: str) -> WorkerState:
    """Return the state of a Worker that Batch does not know, or must not know any more."""
    return WorkerState(WorkerPhase.MISSING, reason="WorkerLost", message=message)


def parse_job(detail: Json, *, container_name: str, looked_at: datetime) -> Job:
    """Read a job; of several containers the one of this name, else the first, is the Worker's."""
    attempts = detail.get("attempts") or []
    eks = detail.get("eksAttempts") or []
    containers = [_container_of(it, container_name) for it in (detail, *attempts, *eks)]
    newest = next((it for it in reversed(containers) if it), {})
    container = containers[0]
    group, driver = _log_configuration(container)
    streams = [container.get("logStreamName"), *(it.get("logStreamName") for it in reversed(containers[1:]))]
    codes = [newest.get("exitCode"), container.get("exitCode")]
    return Job(
        id=str(detail["jobId"]),
        name=str(detail.get("jobName", "")),
        status=str(detail["status"]),
        identity=identity_of(detail),
        status_reason=_status_reason(detail, attempts),
        container_reason=str(newest.get("reason") or container.get("reason") or ""),
        exit_code=next((int(code) for code in codes if code is not None), None),
        created_at=_moment(detail.get("createdAt")) or looked_at,
        started_at=_moment(detail.get("startedAt")),
        ended_at=_moment(detail.get("stoppedAt")),
        log_group=group if driver == _DEFAULT_DRIVER and "eksProperties" not in detail else "",
        log_stream=next((str(stream) for stream in streams if stream), ""),
        looked_at=looked_at,
    )


def _status_reason(detail: Json, attempts: list[Json]) -> str:
    last = attempts[-1].get("statusReason") if attempts else None
    return str(detail.get("statusReason") or last or "")


def _container_of(holder: Json, name: str) -> Json:
    """Return the Worker's container of a job or of an attempt, whatever runs it."""
    ecs, eks = holder.get("ecsProperties") or {}, (holder.get("eksProperties") or {}).get("podProperties") or {}
    tasks = [*(ecs.get("taskProperties") or []), *(holder.get("taskProperties") or []), eks, holder]
    several = [container for task in tasks for container in task.get("containers") or []]
    if not several:
        container: Json = holder.get("container") or {}
        return container
    found: Json = next((it for it in several if name and it.get("name") == name), several[0])
    return found


def _log_configuration(container: Json) -> tuple[str, str]:
    found = container.get("logConfiguration") or {}
    group = (found.get("options") or {}).get("awslogs-group")
    return str(group or DEFAULT_LOG_GROUP), str(found.get("logDriver") or _DEFAULT_DRIVER)


def _moment(millis: object) -> datetime | None:
    """Read Batch's milliseconds; 0 is moto's word for never."""
    return datetime.fromtimestamp(millis / 1000, UTC) if isinstance(millis, int | float) and millis > 0 else None
