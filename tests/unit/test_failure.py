"""The class of a failed attempt is derived in one place, from its outcome and its target's word."""

import pytest

from events.trial import FailureClass, WorkerOutcome
from functions.trial.failure import classify, is_retried

FAILED, LOST, REFUSED = WorkerOutcome.FAILED, WorkerOutcome.LOST, WorkerOutcome.REFUSED


@pytest.mark.parametrize(
    ("outcome", "reason", "kind", "retried"),
    [
        (FAILED, "", "UserError", False),
        (FAILED, "Error", "UserError", False),
        (FAILED, "Signaled", "UserError", False),
        (FAILED, "OOMKilled", "UserError", False),
        (FAILED, "DeadlineExceeded", "Timeout", False),
        (FAILED, "Timeout", "Timeout", False),
        (FAILED, "HeartbeatMissed", "Timeout", False),
        (FAILED, "Preempted", "Preempted", True),
        (FAILED, "Evicted", "Preempted", True),
        (FAILED, "NodeLost", "WorkerLost", True),
        (FAILED, "ImagePullBackOff", "LaunchFailed", True),
        (FAILED, "CannotPullContainerError: pull access denied", "LaunchFailed", True),
        (FAILED, "InvalidImageName", "LaunchFailed", False),
        (REFUSED, "QuotaExceeded", "LaunchFailed", True),
        (REFUSED, "Forbidden", "LaunchFailed", False),
        (LOST, "WorkerLost", "WorkerLost", True),
        (LOST, "", "WorkerLost", True),
        (LOST, "Preempted", "Preempted", True),
        (REFUSED, "NoCommand", "LaunchFailed", False),
        (REFUSED, "LaunchThrottled", "LaunchFailed", True),
    ],
)
def test_reasons_have_classes(outcome: WorkerOutcome, reason: str, kind: str, retried: bool) -> None:
    assert (classify(outcome, reason), is_retried(outcome, reason)) == (FailureClass(kind), retried)


def test_success_has_none() -> None:
    assert classify(WorkerOutcome.SUCCEEDED, "Preempted") is None
