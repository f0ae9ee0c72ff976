"""What the runtime does with a message, named by the error that a handler raises.

KuttabError
├── Retry             publish a copy with a delay, then ack: waiting is not failing
├── Reject            dead-letter with the reason, then ack: it can never succeed
├── TransientError    the store's connection or a deadlock: the runtime runs the group again, bounded
└── LaunchRefusedError (functions/worker.py)  an outcome of a launch, not of a message
"""


class KuttabError(Exception):
    """Everything that we raise on purpose."""


class Retry(KuttabError):  # noqa: N818 - it is the instruction, not the mistake
    """The world is not ready: deliver this event again later."""

    def __init__(self, reason: str, *, delay_seconds: float = 1.0) -> None:
        super().__init__(reason)
        self.delay_seconds = delay_seconds


class Reject(KuttabError):  # noqa: N818 - it is the instruction, not the mistake
    """The event can never succeed: look at the reason in the dead-letter queue, mend the publisher, publish anew."""


class TransientError(KuttabError):
    """The store was busy or away: nothing to do, the runtime tries again; if it stays, look at the database."""
