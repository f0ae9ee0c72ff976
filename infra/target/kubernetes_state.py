"""How a Worker stands, from its live object and its primary pod: failure first, then success, then what holds it up."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from functions.experiment.defaults import default_conditions
from functions.worker import Worker, WorkerPhase, WorkerState
from infra.target.kubernetes_conditions import Match, find_match
from infra.target.kubernetes_pod import Pod, moment

Json = dict[str, Any]

IMAGE_SECONDS = 300.0
"""How long a container may fail to start for a reason that the kubelet tries again: a registry's hiccup passes."""
_HOPELESS = frozenset({"InvalidImageName"})
"""What no second try mends."""
_STUCK = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "RegistryUnavailable",
        "RunContainerError",
    }
)
_VAGUE = frozenset({"", "BackoffLimitExceeded", "Error", "Failed", "PodFailurePolicy", "MaxFailedIndexesExceeded"})
"""Reasons of an object that leave the pod's own word to say more."""
_MESSAGE_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: the live object, its primary pod, and the time of the server's clock."""

    found: Json
    pod: Pod | None
    at: datetime

    @property
    def is_leaving(self) -> bool:
        """Tell whether somebody has deleted the object, and its pods are ending."""
        return bool(self.found["metadata"].get("deletionTimestamp"))

    @property
    def created_at(self) -> datetime:
        """When the object was created."""
        return moment(self.found["metadata"].get("creationTimestamp")) or self.at


def judge(seen: Seen, worker: Worker) -> WorkerState:
    """Return how the Worker stands. A pod that waits for its node counts as running until its time is over."""
    status = seen.found.get("status") or {}
    started = (seen.pod and seen.pod.started_at) or moment(status.get("startTime")) or seen.created_at
    state = WorkerState(WorkerPhase.RUNNING, started_at=started, looked_at=seen.at)
    success, failure = default_conditions(str(worker.manifest.get("kind")))
    if match := find_match(seen.found, worker.failure_condition or failure):
        reason, message = _explain(match, seen.pod)
        code = seen.pod.exit_code if seen.pod else None
        return replace(_ended(state, seen, WorkerPhase.FAILED), exit_code=code, reason=reason, message=message)
    if match := find_match(seen.found, worker.success_condition or success):
        ended = _ended(state, seen, WorkerPhase.SUCCEEDED)
        return replace(ended, exit_code=0, reason=match.reason, message=match.message[:_MESSAGE_CHARACTERS])
    if seen.is_leaving:
        return replace(state, reason="Deleting", message="the object is being deleted, its pods end")
    if trouble := _find_trouble(seen, worker):
        reason, message = trouble
        return replace(state, phase=WorkerPhase.FAILED, reason=reason, message=message, ended_at=seen.at)
    waiting = seen.pod.wait_reason if seen.pod and not seen.pod.has_started else ""
    return replace(state, reason=waiting, message=seen.pod.wait_message if seen.pod and waiting else "")


def missing(message: str) -> WorkerState:
    """Return the state of a Worker that the cluster does not know, or must not know any more."""
    return WorkerState(WorkerPhase.MISSING, reason="WorkerLost", message=message)


def _ended(state: WorkerState, seen: Seen, phase: WorkerPhase) -> WorkerState:
    status = seen.found.get("status") or {}
    times = [moment(it.get("lastTransitionTime")) for it in status.get("conditions") or [] if isinstance(it, dict)]
    said = moment(status.get("completionTime")) or max((it for it in times if it), default=None)
    ended = (seen.pod and seen.pod.ended_at) or said or seen.at
    return replace(state, phase=phase, ended_at=max(ended, state.started_at or ended))


def _explain(match: Match, pod: Pod | None) -> tuple[str, str]:
    """Return (reason, message) of a failure: the object's, or the pod's where that says more."""
    if pod is None or match.reason not in _VAGUE:
        return match.reason or "Failed", match.message[:_MESSAGE_CHARACTERS]
    words = [pod.end_message, match.message]
    reason = pod.end_reason or match.reason or "Failed"
    return reason, ": ".join(text for text in words if text)[:_MESSAGE_CHARACTERS]


def _find_trouble(seen: Seen, worker: Worker) -> tuple[str, str] | None:
    """Return (reason, message) where the Worker will not start any more, as far as our patience goes."""
    pod = seen.pod
    if pod is not None and pod.has_started:
        return None
    reason, message = (pod.wait_reason, pod.wait_message) if pod else ("", "the cluster has made no pod")
    waited = seen.at - ((pod and pod.created_at) or seen.created_at)
    is_stuck = reason in _STUCK and waited > timedelta(seconds=IMAGE_SECONDS)
    if reason in _HOPELESS or is_stuck:
        return reason, (message or reason)[:_MESSAGE_CHARACTERS]
    limit = worker.pending_timeout_seconds
    if limit is None or seen.at - seen.created_at <= timedelta(seconds=limit):
        return None
    why = ": ".join(text for text in (reason, message) if text)
    words = f"did not start within {limit} seconds" + (f": {why}" if why else "")
    return reason if reason in _STUCK else "PendingTimedOut", words[:_MESSAGE_CHARACTERS]
