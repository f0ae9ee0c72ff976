"""Why an attempt failed: its class, from its outcome and its target's word; and what is tried again, and when."""

from datetime import datetime, timedelta

from events.trial import FailureClass, TrialAttempt, TrialFinished, WorkerOutcome
from functions.experiment.model import Experiment
from functions.limits import Limits
from functions.trial.model import Trial

_MESSAGE_CHARACTERS = 500
"""Of a past attempt's message: all attempts stand in one row."""

_PREEMPTED = frozenset(
    {
        "DisruptionTarget",
        "Evicted",
        "EvictionByEvictionAPI",
        "HostTerminated",
        "NodeShutdown",
        "Preempted",
        "Preempting",
        "PreemptionByScheduler",
        "TaintManagerEviction",
        "TerminationByKubelet",
    }
)
_TIMEOUT = frozenset({"DeadlineExceeded", "HeartbeatMissed", "Timeout"})
_LOST = frozenset({"HostLost", "NodeLost", "RunningTimedOut", "UnexpectedAdmissionError", "WorkerLost"})
_UNREACHABLE = frozenset(
    {
        "CannotPullContainer",
        "CannotPullContainerError",
        "CannotPullImageManifestError",
        "ErrImagePull",
        "ImagePullBackOff",
        "LaunchFailed",
        "LaunchThrottled",
        "QuotaExceeded",
        "RegistryUnavailable",
        "ResourceInitializationError",
    }
)
"""Launch failures that may pass: a registry or a service that did not answer."""
_NEVER_STARTED = frozenset(
    {
        "ContainerCannotRun",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ImageInspectError",
        "InvalidImageName",
        "InvalidTemplate",
        "LaunchingTimedOut",
        "PendingTimedOut",
        "RunContainerError",
        "StartError",
    }
)
_CLASSES = {
    FailureClass.PREEMPTED: _PREEMPTED,
    FailureClass.TIMEOUT: _TIMEOUT,
    FailureClass.WORKER_LOST: _LOST,
    FailureClass.LAUNCH_FAILED: _UNREACHABLE | _NEVER_STARTED,
}
_CLASS_OF = {reason: kind for kind, reasons in _CLASSES.items() for reason in reasons}


def _key(reason: str) -> str:
    """Return the word that a target's reason begins with: AWS writes `CannotPullContainerError: pull access …`."""
    return reason.partition(":")[0].strip()


def classify(outcome: WorkerOutcome, reason: str) -> FailureClass | None:
    """Return the class of an attempt that ended so; None where it succeeded."""
    if outcome == WorkerOutcome.SUCCEEDED:
        return None
    defaults = {
        WorkerOutcome.FAILED: FailureClass.USER_ERROR,
        WorkerOutcome.LOST: FailureClass.WORKER_LOST,
        WorkerOutcome.REFUSED: FailureClass.LAUNCH_FAILED,
    }
    return _CLASS_OF.get(_key(reason), defaults[outcome])


def is_retried(outcome: WorkerOutcome, reason: str) -> bool:
    """Tell whether another attempt may end better: nothing that the program did has failed it."""
    kind = classify(outcome, reason)
    if kind == FailureClass.LAUNCH_FAILED:
        return _key(reason) in _UNREACHABLE
    return kind in {FailureClass.PREEMPTED, FailureClass.WORKER_LOST}


def max_retries(experiment: Experiment, limits: Limits) -> int:
    """Return how many further attempts a Trial may have: the Experiment's word, else the deployment's."""
    own = experiment.spec.max_retries
    return limits.max_attempts - 1 if own is None else own


def may_retry(event: TrialFinished, experiment: Experiment, trial: Trial, limits: Limits) -> bool:
    """Tell whether the Trial gets another attempt: its Experiment goes on, and nobody stops it."""
    is_wanted = not trial.is_stopping and not experiment.is_completed and not experiment.deleted_at
    has_budget = trial.attempt <= max_retries(experiment, limits)
    return trial.outcome is None and is_wanted and has_budget and is_retried(event.outcome, event.reason)


def retry(event: TrialFinished, trial: Trial, limits: Limits, *, at: datetime) -> None:
    """Keep what became of the attempt, and begin the next: the first at once, later ones after a growing pause."""
    failed = TrialAttempt(
        attempt=trial.attempt,
        host=trial.host,
        failure_class=classify(event.outcome, event.reason) or FailureClass.WORKER_LOST,
        reason=event.reason,
        message=event.message[:_MESSAGE_CHARACTERS],
        started_at=trial.started_at,
        ended_at=event.ended_at or at,
    )
    retries = trial.attempt - 1
    pause = 0.0 if not retries else limits.nudge_base_seconds * 2.0 ** min(retries - 1, 16)
    trial.relaunch(failed, retry_at=at + timedelta(seconds=min(pause, limits.nudge_cap_seconds)))
