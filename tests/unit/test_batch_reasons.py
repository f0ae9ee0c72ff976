"""What AWS says of a failed job becomes the reason that decides whether its Trial is tried again."""

import pytest

from events.trial import FailureClass, WorkerOutcome
from functions.trial.failure import classify, is_retried
from infra.target.batch_reasons import reason_of

ESSENTIAL = "Essential container in task exited"


@pytest.mark.parametrize(
    ("status_reason", "container_reason", "exit_code", "reason", "failure"),
    [
        ("Host EC2 (instance i-0a1b2c3d4e5f67890) terminated.", "", None, "Preempted", FailureClass.PREEMPTED),
        ("Host EC2 (instance i-0a1b2c3d4e5f67890) terminated.", "", 137, "Preempted", FailureClass.PREEMPTED),
        ("Your Spot Task was interrupted.", "", None, "Preempted", FailureClass.PREEMPTED),
        ("Job attempt duration exceeded timeout", "", 137, "DeadlineExceeded", FailureClass.TIMEOUT),
        (
            "Task failed to start",
            "CannotPullContainerError: Error response from daemon: pull access denied for x, repository does not exist",
            None,
            "CannotPullContainerError",
            FailureClass.LAUNCH_FAILED,
        ),
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed",
            "",
            None,
            "ResourceInitializationError",
            FailureClass.LAUNCH_FAILED,
        ),
        (
            "Task failed to start",
            'CannotStartContainerError: Error response from daemon: exec: "trian": executable file not found in $PATH',
            None,
            "ContainerCannotRun",
            FailureClass.LAUNCH_FAILED,
        ),
        (
            ESSENTIAL,
            "OutOfMemoryError: Container killed due to memory usage",
            137,
            "OutOfMemory",
            FailureClass.USER_ERROR,
        ),
        (ESSENTIAL, "", 1, "Error", FailureClass.USER_ERROR),
        ("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", "", None, "PendingTimedOut", FailureClass.LAUNCH_FAILED),
        ("Dependent Job failed", "", None, "DependencyFailed", FailureClass.USER_ERROR),
        ("enough of it", "", None, "JobFailed", FailureClass.USER_ERROR),
        ("", "", None, "JobFailed", FailureClass.USER_ERROR),
    ],
)
def test_a_status_reason_has_its_class(
    status_reason: str, container_reason: str, exit_code: int | None, reason: str, failure: FailureClass
) -> None:
    found, message = reason_of(status_reason, container_reason, exit_code)

    assert found == reason
    assert classify(WorkerOutcome.FAILED, found) == failure
    assert (status_reason or "AWS Batch gives no reason") in message
    assert exit_code is None or f"exit code {exit_code}" in message


def test_what_the_host_did_is_tried_again_and_what_the_program_did_is_not() -> None:
    preempted, _ = reason_of("Host EC2 (instance i-0a1b2c3d4e5f67890) terminated.", "", 137)
    failed, _ = reason_of(ESSENTIAL, "", 1)

    assert is_retried(WorkerOutcome.FAILED, preempted)
    assert not is_retried(WorkerOutcome.FAILED, failed)
