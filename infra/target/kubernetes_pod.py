"""A pod of a Worker: which one counts, how its container stands, and why it does not start or has ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.target.kubernetes_identity import labels_of

Json = Mapping[str, Any]

_ENDED = frozenset({"Succeeded", "Failed"})
_CONTAINER_FAULTS = frozenset({"ContainerCannotRun", "StartError", "OOMKilled"})


@dataclass(frozen=True, slots=True)
class Pod:
    """What matters of one pod."""

    name: str
    uid: str
    phase: str
    created_at: datetime | None
    started_at: datetime | None
    """When the Worker's container began."""
    ended_at: datetime | None
    exit_code: int | None
    end_reason: str
    """Why it ended badly: the disruption, the kubelet's word for the pod, or the container's."""
    end_message: str
    wait_reason: str
    """Why its container does not start, or why it is not scheduled."""
    wait_message: str

    @property
    def is_over(self) -> bool:
        """Tell whether all of its containers have ended."""
        return self.phase in _ENDED

    @property
    def has_started(self) -> bool:
        """Tell whether the Worker's container has ever run."""
        return self.started_at is not None or self.is_over


def find_primary(found: Sequence[Json], wanted: Mapping[str, str], container: str) -> Pod | None:
    """Return the newest of the pods that bear the primary pod's labels: a Job makes one after the other."""
    primary = [it for it in found if wanted.items() <= labels_of(it).items()]
    newest = max(
        primary, key=lambda it: (it["metadata"].get("creationTimestamp") or "", it["metadata"]["name"]), default=None
    )
    return _parse(newest, container) if newest else None


def moment(text: object) -> datetime | None:
    """Read Kubernetes' time."""
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None


def _parse(pod: Json, container: str) -> Pod:
    status, metadata = pod.get("status") or {}, pod["metadata"]
    ours = _container_status(status, container)
    state = ours.get("state") or {}
    ended = state.get("terminated") or (ours.get("lastState") or {}).get("terminated") or {}
    running = state.get("running") or {}
    wait_reason, wait_message = _waiting(status, ours)
    end_reason, end_message = _ending(status, ended)
    return Pod(
        name=metadata["name"],
        uid=metadata["uid"],
        phase=str(status.get("phase") or ""),
        created_at=moment(metadata.get("creationTimestamp")),
        started_at=moment(running.get("startedAt") or ended.get("startedAt")),
        ended_at=moment(ended.get("finishedAt")),
        exit_code=ended.get("exitCode"),
        end_reason=end_reason,
        end_message=end_message,
        wait_reason=wait_reason,
        wait_message=wait_message,
    )


def _container_status(status: Json, name: str) -> Json:
    found: list[Json] = status.get("containerStatuses") or []
    return next((it for it in found if it.get("name") == name), found[0] if len(found) == 1 else {})


def _conditions(status: Json) -> dict[str, Json]:
    return {str(it.get("type")): it for it in status.get("conditions") or []}


def _waiting(status: Json, ours: Json) -> tuple[str, str]:
    """Return why the container does not start: an init container's trouble, its own, or that of the scheduler."""
    for container in (*(status.get("initContainerStatuses") or []), ours):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") and waiting["reason"] not in {"PodInitializing", "ContainerCreating"}:
            return str(waiting["reason"]), str(waiting.get("message") or "")
    scheduled = _conditions(status).get("PodScheduled") or {}
    if scheduled.get("status") == "False":
        return str(scheduled.get("reason") or "Unschedulable"), str(scheduled.get("message") or "")
    return "", ""


def _ending(status: Json, ended: Json) -> tuple[str, str]:
    disruption = _conditions(status).get("DisruptionTarget") or {}
    if disruption.get("status") == "True":
        return str(disruption.get("reason") or "DisruptionTarget"), str(disruption.get("message") or "")
    if status.get("reason"):
        return str(status["reason"]), str(status.get("message") or "")
    reason, code = str(ended.get("reason") or ""), ended.get("exitCode")
    words = f"exit code {code}" if code is not None else ""
    said = str(ended.get("message") or "").strip()
    if reason in _CONTAINER_FAULTS:
        words = f"{words}, {reason}"
    return reason, f"{words}: {said}" if words and said else words or said
