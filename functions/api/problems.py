"""What is wrong with a request, as Kubernetes says it: a Status with code, reason, message and every cause."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from pydantic import JsonValue

from events.resource import Manifest
from functions.api.kinds import GROUP, Kind
from functions.errors import KuttabError
from functions.experiment.parsing import Problem


class ApiError(KuttabError):
    """The request was refused: the caller mends what the message says."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Manifest | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.headers = dict(headers or {})
        self._reason = reason
        self._details = details

    def to_status(self) -> Manifest:
        """Return the Status object."""
        status: Manifest = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        status |= {"message": str(self), "reason": self._reason, "code": self.code}
        return status | ({"details": self._details} if self._details else {})


def about(kind: Kind, name: str) -> Manifest:
    """Return the details of a Status that is about one resource."""
    return {"name": name, "group": GROUP, "kind": kind.value}


def bad_request(message: str) -> ApiError:
    """Say that the request cannot be read."""
    return ApiError(HTTPStatus.BAD_REQUEST, "BadRequest", message)


def no_such_path() -> ApiError:
    """Say that nothing is served here."""
    return ApiError(HTTPStatus.NOT_FOUND, "NotFound", "the server could not find the requested resource")


def not_found(kind: Kind, name: str) -> ApiError:
    """Say that nothing has this name."""
    message = f'{kind.words} "{name}" not found'
    return ApiError(HTTPStatus.NOT_FOUND, "NotFound", message, details=about(kind, name))


def already_exists(kind: Kind, name: str) -> ApiError:
    """Say that something has this name."""
    message = f'{kind.words} "{name}" already exists'
    return ApiError(HTTPStatus.CONFLICT, "AlreadyExists", message, details=about(kind, name))


def conflict(kind: Kind, name: str, why: str) -> ApiError:
    """Say that the resource is not what the caller believes it to be."""
    message = f'Operation cannot be fulfilled on {kind.words} "{name}": {why}'
    return ApiError(HTTPStatus.CONFLICT, "Conflict", message, details=about(kind, name))


def invalid(kind: Kind, name: str, problems: Sequence[Problem]) -> ApiError:
    """Say which fields are wrong, all of them at once."""
    listed = [f"{path}: {text}" for path, text in problems]
    said = listed[0] if len(listed) == 1 else f"[{', '.join(listed)}]"
    causes: list[JsonValue] = [
        {"reason": "FieldValueInvalid", "message": text, "field": path} for path, text in problems
    ]
    details: Manifest = {"name": name, "group": GROUP, "kind": kind.object_kind, "causes": causes}
    message = f'{kind.object_kind}.{GROUP} "{name}" is invalid: {said}'
    return ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", message, details=details)


def expired(message: str) -> ApiError:
    """Say that what a watch wants to go on from is forgotten: the client lists anew."""
    return ApiError(HTTPStatus.GONE, "Expired", message)


def method_not_allowed(method: str, what: str) -> ApiError:
    """Say that this cannot be done with it."""
    message = f"{method} is not supported on {what}"
    return ApiError(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", message)


def unsupported_media_type(given: str, wanted: str) -> ApiError:
    """Say that the body is of a type that is not read here."""
    message = f"the body of the request was in an unknown format - {given or 'none'}; accepted media types: {wanted}"
    return ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)


def unauthorized() -> ApiError:
    """Say that nobody knows who calls."""
    headers = {"WWW-Authenticate": "Bearer"}
    return ApiError(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized", headers=headers)


def forbidden(message: str) -> ApiError:
    """Say that the caller may not do this."""
    return ApiError(HTTPStatus.FORBIDDEN, "Forbidden", message)


def too_large(limit: int) -> ApiError:
    """Say that the body is larger than is read here."""
    message = f"the body is larger than {limit // 1024} KiB"
    return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestEntityTooLarge", message)


def unavailable(message: str) -> ApiError:
    """Say that the database or the broker is away: the same request may succeed later."""
    headers = {"Retry-After": "1"}
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", message, headers=headers)
