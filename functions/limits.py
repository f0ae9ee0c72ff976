"""How long, how often, how many: the bounds that handlers keep. Seconds unless the name says otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the protocol; `infra/settings.py` fills them, a simulation shrinks them."""

    search_lease_seconds: float = 60.0
    """A search that takes longer may be taken over; its answer is then discarded."""
    launch_lease_seconds: float = 60.0
    """A launch that takes longer may be taken over; the next claimant first looks the Worker up."""
    settle_grace_seconds: float = 30.0
    """How long a finished Trial waits for the rest of its metrics after the last of them that came."""
    missing_grace_seconds: float = 15.0
    """A Worker must be missing twice, this far apart, to count as lost."""
    reread_grace_seconds: float = 5.0
    """A watcher reads again what it has published only after this: the first publication is probably on its way."""
    host_silence_seconds: float = 30.0
    """A host whose heartbeat is older is suspected; twice, one such interval apart, it is lost."""
    external_timeout_seconds: float = 86_400.0
    """External Trials have no second witness, so they need a deadline."""
    nudge_base_seconds: float = 10.0
    """Reconcile first looks at a row this long after the last progress, then doubles."""
    nudge_cap_seconds: float = 300.0
    nudge_limit: int = 8
    """Announcements without progress before the subject fails: about 25 minutes with the back-off above."""
    max_attempts: int = 4
    """Launches of one Trial: the first and three more after lost Workers."""
    search_failure_limit: int = 5
    """An algorithm that fails so often fails its Experiment with its error."""
    search_batch_count: int = 256
    """Trials of one suggestion transaction: bounds its rows and its announcements."""
    page_count: int = 200
    """Rows of one reconcile page."""
    launch_queue_seconds: float = 7 * 86_400.0
    """A selector that no Trial has waited with for so long is forgotten: hosts stop reading its queue."""
    tombstone_seconds: float = 15 * 86_400.0
    """Longer than any queue keeps a message (SQS: 14 days)."""
