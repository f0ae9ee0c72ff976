"""Tokens: what a Worker shows with the points that it pushes, so that it can report for its own Trial only."""

import hashlib
import hmac
from dataclasses import dataclass

from events.observation import TOKEN, MetricReported
from events.trial import TargetKind
from functions.errors import Reject
from functions.trial.model import Trial


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes and checks tokens with a deployment's secret; without one there are none, and nothing is checked."""

    secret: str = ""

    def token_of(self, trial_uid: str, attempt: int) -> str:
        """Return the token of this attempt; empty where there is no secret."""
        if not self.secret:
            return ""
        return hmac.new(self.secret.encode(), f"{trial_uid}/{attempt}".encode(), hashlib.sha256).hexdigest()

    def check(self, event: MetricReported, trial: Trial) -> None:
        """Let pass what bears the token of this attempt. Raises Reject.

        What is read from a log is published by functions and needs none. The Worker of an External Trial is whoever
        answers for it on the broker: it was given no environment, and so no token.
        """
        if not self.secret or not event.range.pushed or trial.target == TargetKind.EXTERNAL:
            return
        if not event.extensions.get(TOKEN):
            raise Reject(f"{TOKEN}: required of points that are pushed for {trial.name}")
        if not self.is_borne_by(event):
            raise Reject(f"{TOKEN}: is not the token of attempt {event.attempt} of {trial.name}")

    def is_borne_by(self, event: MetricReported) -> bool:
        """Tell whether the event bears the token of the attempt that it names."""
        given, expected = event.extensions.get(TOKEN), self.token_of(event.trial.uid, event.attempt)
        return isinstance(given, str) and bool(expected) and hmac.compare_digest(given.encode(), expected.encode())
