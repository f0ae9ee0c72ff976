"""Parts that every Kubernetes-style resource has: metadata, conditions, settings, and the camelCase of its JSON."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, PlainSerializer
from pydantic.alias_generators import to_camel

API_VERSION = "kubeflow.org/v1beta1"

Manifest = dict[str, JsonValue]
"""A free-form Kubernetes object, such as a trial template: the one place where JSON stays JSON."""


def to_text(value: object) -> object:
    """Give a number the text that Katib's files write for it; leave the rest to validation."""
    if isinstance(value, bool):
        return value
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(to_text)]
"""A string on the wire that may be written as a bare number in YAML."""


def to_wire_time(value: datetime) -> str:
    """Write a moment as RFC 3339 in UTC, to the microsecond where there is one."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


Timestamp = Annotated[AwareDatetime, PlainSerializer(to_wire_time, return_type=str, when_used="json")]


class Model(BaseModel):
    """A frozen value whose JSON is camelCase; fields that it does not know are kept, see `unknown_fields`."""

    model_config = ConfigDict(frozen=True, extra="allow", alias_generator=to_camel, populate_by_name=True)

    def to_manifest(self) -> Manifest:
        """Return this as JSON types, as Katib prints it.

        What is unset, or empty as it is by default, is left out; times are whole seconds, which the events and the
        store are more precise than.
        """
        manifest = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        _print_as_katib(self, manifest)
        return manifest

    def replace(self, **changes: object) -> Self:
        """Return a copy with these fields changed; the values are trusted."""
        return self.model_copy(update=changes)


def _print_as_katib(value: object, manifest: JsonValue) -> None:
    """Take the empty texts, lists and objects and what is false out of a manifest, where that is the default.

    Of times the parts of a second are cut off, as Kubernetes does it.
    """
    if isinstance(value, Model) and isinstance(manifest, dict):
        for name, field in type(value).model_fields.items():
            alias, item = field.alias or name, getattr(value, name)
            is_default = item == field.get_default(call_default_factory=True)
            if is_default and (item is False or item in ("", (), {})):
                manifest.pop(alias, None)
            elif isinstance(item, datetime):
                manifest[alias] = to_wire_time(item.replace(microsecond=0))
            elif alias in manifest:
                _print_as_katib(item, manifest[alias])
    elif isinstance(value, tuple) and isinstance(manifest, list):
        for item, part in zip(value, manifest, strict=True):
            _print_as_katib(item, part)


class Strict(Model):
    """A value of our own events: unknown fields are refused when published and ignored when received."""

    model_config = ConfigDict(extra="forbid")


class ObjectMeta(Model):
    """Kubernetes' `metadata`, as far as Katib's resources use it."""

    name: str = ""
    generate_name: str = ""
    namespace: str = "default"
    uid: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None
    resource_version: str = ""


class Setting(Model):
    """A named knob of an algorithm; Katib writes every value as a string."""

    name: str
    value: Text = ""


class ConditionStatus(StrEnum):
    """Kubernetes' three-valued truth."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """One entry of `status.conditions`: the list is in order of last change."""

    type: str
    status: ConditionStatus = ConditionStatus.TRUE
    reason: str = ""
    message: str = ""
    last_update_time: Timestamp
    last_transition_time: Timestamp


def set_condition(conditions: tuple[Condition, ...], new: Condition) -> tuple[Condition, ...]:
    """Return the conditions with this one appended, as Katib does it.

    The same type, status and reason change nothing; `lastTransitionTime` is kept where the status is.
    """
    old = next((c for c in conditions if c.type == new.type), None)
    if old and (old.status, old.reason) == (new.status, new.reason):
        return conditions
    if old and old.status == new.status:
        new = new.replace(last_transition_time=old.last_transition_time)
    return (*(c for c in conditions if c.type != new.type), new)


def unknown_fields(value: object, path: str = "") -> Iterator[str]:
    """Yield the path of every field that the models do not know, such as `spec.paralelTrialCount`."""
    if isinstance(value, BaseModel):
        yield from (f"{path}.{name}".lstrip(".") for name in value.model_extra or ())
        for name, field in type(value).model_fields.items():
            yield from unknown_fields(getattr(value, name), f"{path}.{field.alias or name}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from unknown_fields(item, f"{path}[{index}]")
