"""EventBridge's "Batch Job State Change" as our `worker.changed`."""

from collections.abc import Mapping

from events.trial import TargetKind, WorkerChanged
from functions.identity import derive_id
from infra.target.batch_identity import identity_of

_TELLING = frozenset({"RUNNING", "SUCCEEDED", "FAILED"})
"""Before a job runs there is nothing to look at: no log, no end."""


def worker_changed_of(detail: Mapping[str, object]) -> WorkerChanged | None:
    """Return the event, or None where the job is not ours or its state says nothing new.

    `detail` is the event's, which resembles DescribeJobs' answer. An event that is delivered twice has one id.
    """
    identity = identity_of(detail)
    if identity is None or detail.get("status") not in _TELLING:
        return None
    attempts = detail.get("attempts")
    attempt_count = len(attempts) if isinstance(attempts, list) else 0
    return WorkerChanged(
        id=derive_id(detail.get("jobId"), detail.get("status"), attempt_count),
        experiment=identity.experiment,
        trial=identity.trial,
        attempt=identity.attempt,
        target=TargetKind.BATCH,
    )
