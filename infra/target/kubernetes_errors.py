"""What a Kubernetes API server answers when it does not do what was asked: try again, or never."""

from dataclasses import dataclass

from functions.errors import KuttabError, Retry

UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT, GONE, THROTTLED = 401, 403, 404, 409, 410, 429
_SERVER_ERROR = 500
_RETRY_SECONDS = 5.0
_AUTHENTICATION_SECONDS = 15.0
"""A token that has expired is renewed by somebody else: a kubelet, a plugin, a person who logs in."""
_MESSAGE_CHARACTERS = 1_000
_QUOTA = "exceeded quota"


class KubernetesRefusedError(KuttabError):
    """The cluster refuses this call for good: mend the manifest, the rights or the configuration, as it says."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no success."""

    operation: str
    status: int
    reason: str
    message: str
    retry_after_seconds: float | None = None

    @property
    def is_passing(self) -> bool:
        """Tell whether the same call may succeed in a moment."""
        return self.status == THROTTLED or self.status >= _SERVER_ERROR or self.status == UNAUTHORIZED

    def to_error(self) -> KuttabError:
        """Return Retry where the same call may succeed later, else KubernetesRefusedError."""
        words = f"{self.operation}: {self.message}"[:_MESSAGE_CHARACTERS]
        if self.status == UNAUTHORIZED:
            hint = "the cluster does not accept our credentials (expired?)"
            return Retry(f"{hint}: {words}", delay_seconds=_AUTHENTICATION_SECONDS)
        if self.is_passing:
            return Retry(words, delay_seconds=max(_RETRY_SECONDS, self.retry_after_seconds or 0.0))
        is_quota = self.status == FORBIDDEN and _QUOTA in self.message
        return KubernetesRefusedError(self.status, "QuotaExceeded" if is_quota else self.reason, words)
