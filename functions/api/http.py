"""A request and its answer, free of any server: the same face answers behind a socket and in Lambda."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from pydantic import JsonValue
from pydantic_core import from_json, to_json

from events.resource import Manifest
from functions.api.problems import ApiError, bad_request

MAX_BODY_BYTES = 1024 * 1024
"""Kubernetes takes objects of about this size; an Experiment is some kilobytes."""
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, read whole; the names of its headers are in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_trusted: bool = False
    """Whether somebody in front has looked at who calls, such as an authorizer of API Gateway."""

    @property
    def media_type(self) -> str:
        """The type of the body, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def asks(self, name: str) -> bool:
        """Tell whether the query says so, as Kubernetes reads it: anything but `false` and `0` is yes."""
        return name in self.query and self.query[name].lower() not in {"false", "0"}

    def read_json(self) -> JsonValue:
        """Return the body. Raises ApiError."""
        try:
            found: JsonValue = from_json(self.body, allow_inf_nan=False)
        except ValueError as error:
            raise bad_request(f"the body is not JSON: {error}") from error
        return found

    def read_object(self) -> Manifest:
        """Return the body, a JSON object. Raises ApiError."""
        found = self.read_json()
        if not isinstance(found, dict):
            raise bad_request("the body must be a JSON object")
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: bytes at once, or a stream of lines while something is watched."""

    status: int = 200
    body: bytes = b""
    media_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    stream: AsyncIterator[bytes] | None = None

    @classmethod
    def of(cls, content: JsonValue, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Self:
        """Return an answer that is JSON."""
        return cls(status, to_json(content) + b"\n", headers=headers)

    @classmethod
    def refuse(cls, error: ApiError) -> Self:
        """Return the answer that says what is wrong."""
        return cls.of(error.to_status(), status=error.code, headers=tuple(error.headers.items()))
