"""What AWS answers when it does not do what was asked: try again, or never."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)

from functions.errors import KuttabError, Retry

_THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_PASSING = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServerException",
        "ServiceUnavailableException",
    }
)
"""Nothing about the request is wrong: a service is away, or credentials are renewed meanwhile."""
_OURS = (NoCredentialsError, PartialCredentialsError, NoRegionError, ProfileNotFound, ParamValidationError)
_SERVER_ERROR = 500
_THROTTLED_STATUS = 429
_RETRY_SECONDS = 5.0
_MESSAGE_CHARACTERS = 1_000


class AwsRefusedError(KuttabError):
    """AWS refuses this call for good: the message is its own; mend the request, the rights or the configuration."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.code = code


def is_throttled(error: Exception) -> bool:
    """Tell whether the request was turned away unread."""
    if not isinstance(error, ClientError):
        return False
    return _code(error) in _THROTTLED or _status(error) == _THROTTLED_STATUS


def to_error(error: ClientError | BotoCoreError, operation: str, *, delay_seconds: float = _RETRY_SECONDS) -> Exception:
    """Return Retry where the same call may succeed later, else AwsRefusedError.

    A lost connection counts as the former: whether the call was carried out, nobody knows.
    """
    if isinstance(error, ClientError):
        message = str(error.response.get("Error", {}).get("Message") or "")[:_MESSAGE_CHARACTERS]
        if is_throttled(error):
            return Retry(f"{operation} is throttled: {message}", delay_seconds=delay_seconds)
        if _code(error) in _PASSING or _status(error) >= _SERVER_ERROR:
            return Retry(f"{operation}: {_code(error)}: {message}", delay_seconds=delay_seconds)
        return AwsRefusedError(operation, _code(error), message)
    words = " ".join(str(error).split())[:_MESSAGE_CHARACTERS]
    if isinstance(error, _OURS):
        return AwsRefusedError(operation, type(error).__name__.removesuffix("Error"), words)
    return Retry(f"{operation}: {words}", delay_seconds=delay_seconds)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
