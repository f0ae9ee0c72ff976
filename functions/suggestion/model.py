"""A Suggestion: the search of one Experiment, its lease, and what its algorithm has decided."""

from datetime import datetime, timedelta

from events.resource import Manifest


class Suggestion:
    """One Experiment's search. The lease lets one request search at a time, outside any transaction."""

    def __init__(self, experiment_uid: str, *, algorithm: str, created_at: datetime) -> None:
        self.experiment_uid = experiment_uid
        self.algorithm = algorithm
        self.created_at = created_at
        self.lease_token = ""
        self.lease_holder = ""
        self.lease_until: datetime | None = None
        self.claims = 0
        self.state: Manifest | None = None
        self.note = ""
        self.suggestion_count = 0
        self.failures = 0
        self.error = ""

    def is_held_by_other(self, holder: str, *, at: datetime) -> bool:
        """Tell whether a live lease belongs to another event; the same event takes its own over."""
        return self.lease_until is not None and self.lease_until > at and self.lease_holder != holder

    def claim(self, holder: str, *, at: datetime, seconds: float) -> str:
        """Take the lease and return its token: whoever holds an older one has lost it."""
        self.claims += 1
        self.lease_holder = holder
        self.lease_token = f"{self.experiment_uid}/{self.claims}"
        self.lease_until = at + timedelta(seconds=seconds)
        return self.lease_token

    def release(self) -> None:
        """Give the lease back."""
        self.lease_token = self.lease_holder = ""
        self.lease_until = None

    def note_search(self, *, count: int, state: Manifest | None, note: str = "") -> None:
        """Note what a search decided, with the Trials that it led to, and what it has to say."""
        self.suggestion_count += count
        self.state = state
        self.note = note or self.note
        self.failures = 0
        self.error = ""

    def note_failure(self, error: str) -> None:
        """Note that the algorithm raised."""
        self.failures += 1
        self.error = error[:4_000]
