"""AWS's words about a failed job as the reasons that decide whether a Trial is tried again."""

import re
from dataclasses import dataclass

_MESSAGE_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    reason: str


def _rule(pattern: str, reason: str) -> _Rule:
    return _Rule(re.compile(pattern, re.IGNORECASE), reason)


_RULES = (
    _rule(r"host ec2.*terminated|host .*\bhas been terminated|spot (task|instance).*(interrupt|reclaim)", "Preempted"),
    _rule(r"job attempt duration exceeded timeout|exceeded the configured attemptDurationSeconds", "DeadlineExceeded"),
    _rule(r"CannotPull\w*|failed to pull image|image pull", "CannotPullContainerError"),
    _rule(r"ResourceInitializationError", "ResourceInitializationError"),
    _rule(r"OutOfMemory\w*|memory usage|OOMKilled", "OutOfMemory"),
    _rule(r"Cannot(Start|Create|Inspect)Container\w*|DockerStateError|container runtime", "ContainerCannotRun"),
    _rule(r"CannotStopContainer\w*|DockerTimeoutError|ContainerRuntimeTimeout\w*|agent disconnected", "NodeLost"),
    _rule(r"task failed to start", "LaunchFailed"),
    _rule(r"MISCONFIGURATION:|CAPACITY:|stuck in RUNNABLE", "PendingTimedOut"),
    _rule(r"stopped by kuttab", "Stopped"),
    _rule(r"dependent job failed", "DependencyFailed"),
)
"""The first that matches; "Essential container in task exited" matches none: then the exit code speaks."""


def reason_of(status_reason: str, container_reason: str, exit_code: int | None) -> tuple[str, str]:
    """Return (reason, message) of a failed job. What the container's runtime says is more exact than the job's word."""
    said = [text for text in (container_reason, status_reason) if text]
    for text in said:
        for rule in _RULES:
            if rule.pattern.search(text):
                return rule.reason, _message(said, exit_code)
    if exit_code:
        return "Error", _message(said, exit_code)
    return "JobFailed", _message(said, exit_code) or "AWS Batch gives no reason"


def _message(said: list[str], exit_code: int | None) -> str:
    words = ": ".join(dict.fromkeys(said))
    if exit_code is None:
        return words[:_MESSAGE_CHARACTERS]
    return f"exit code {exit_code}{': ' if words else ''}{words}"[:_MESSAGE_CHARACTERS]
