"""Column types: how values of the domain become what MySQL and SQLite keep."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic_core import from_json, to_json
from sqlalchemy import DateTime, Dialect, LargeBinary, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator, TypeEngine

from functions.observation.fold import Fold, FoldedMetric


def _text(length: int) -> String:
    """Return text that keeps case and every letter, whatever the server's defaults are."""
    exact = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return String(length).with_variant(exact, "mysql", "mariadb")


WORD = _text(32)
KEY = _text(64)
WIDE_KEY = _text(128)
NAME = _text(255)
"""InnoDB's keys have 3,072 bytes; the longest, that of `observation_logs`, takes 4 × (64 + 128 + 255) + 8 = 1,796."""
LONG_TEXT = Text().with_variant(mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")
VECTOR = LargeBinary(65_535)

_CACHED_TEXTS = 4_096
"""Parsed documents kept: the same spec is read for every event of its Experiment, and the values are frozen."""


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as naive UTC to the microsecond."""

    impl = DateTime  # type: ignore[mutable-override]  # SQLAlchemy's own way to say it
    cache_ok = True  # type: ignore[mutable-override]  # as above

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """MySQL needs to be told about the microseconds."""
        is_mysql = dialect.name in {"mysql", "mariadb"}
        return dialect.type_descriptor(mysql.DATETIME(fsp=6) if is_mysql else DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Leave the zone behind."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Say that it is UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


def to_time_text(value: datetime | None) -> str | None:
    """Return a moment as both databases take it where no type converts it, equal to what `Moment` keeps."""
    return None if value is None else value.astimezone(UTC).isoformat(" ", "microseconds")[: -len("+00:00")]


class Choice(TypeDecorator[StrEnum]):
    """A value of a fixed set, kept as its text: values are added, never removed."""

    impl = WORD  # type: ignore[mutable-override]  # SQLAlchemy's own way to say it
    cache_ok = True  # type: ignore[mutable-override]  # as above

    def __init__(self, choices: type[StrEnum]) -> None:
        super().__init__()
        self.choices = choices

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Keep the text."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        """Return the member."""
        return None if value is None else self.choices(value)


class Document(TypeDecorator[Any]):
    """A frozen value, kept as JSON text."""

    impl = LONG_TEXT  # type: ignore[mutable-override]  # SQLAlchemy's own way to say it
    cache_ok = False  # type: ignore[mutable-override]  # as above

    def __init__(self, dump: Callable[[Any], str], load: Callable[[str], Any]) -> None:
        super().__init__()
        self.dump = dump
        self.load = load

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Write JSON."""
        return None if value is None else self.dump(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> object:  # noqa: ARG002
        """Read JSON."""
        return None if value is None else self.load(value)


def document_of(kind: type[BaseModel]) -> Document:
    """Return the type of a column that holds one model."""
    return Document(
        lambda value: value.model_dump_json(by_alias=True, exclude_none=True),
        lru_cache(_CACHED_TEXTS)(kind.model_validate_json),
    )


def documents_of(kind: type[BaseModel]) -> Document:
    """Return the type of a column that holds a tuple of models."""
    adapter = TypeAdapter(tuple[kind, ...])  # type: ignore[valid-type]  # the class is a value here

    def dump(values: Iterable[BaseModel]) -> str:
        return adapter.dump_json(tuple(values), by_alias=True, exclude_none=True).decode()

    return Document(dump, lru_cache(_CACHED_TEXTS)(adapter.validate_json))


def values_of(kind: type) -> Document:
    """Return the type of a column that holds values of a frozen dataclass by their names."""
    adapter = TypeAdapter(dict[str, kind])  # type: ignore[valid-type]  # the class is a value here
    return Document(lambda values: adapter.dump_json(values).decode(), adapter.validate_json)


def value_of(kind: type) -> Document:
    """Return the type of a column that holds one frozen dataclass, without what is as it is by default."""
    adapter: TypeAdapter[object] = TypeAdapter(kind)

    def dump(value: object) -> str:
        return adapter.dump_json(value, exclude_defaults=True).decode()

    return Document(dump, lru_cache(_CACHED_TEXTS)(adapter.validate_json))


def plain_json() -> Document:
    """Return the type of a column that holds a dict of JSON values; it is replaced, never changed in place."""
    return Document(lambda value: json.dumps(value, separators=(",", ":")), json.loads)


def numbers() -> Document:
    """Return the type of a column that holds a tuple of whole numbers."""
    return Document(lambda values: json.dumps(values, separators=(",", ":")), lambda text: tuple(json.loads(text)))


@lru_cache(_CACHED_TEXTS)
def load_labels(text: str) -> Mapping[str, str]:
    """Read labels; the same text is always the same, read-only, mapping."""
    return MappingProxyType(json.loads(text))


def _dump_fold(fold: Fold) -> str:
    return to_json({name: asdict(metric) for name, metric in fold.metrics.items()}).decode()


@lru_cache(_CACHED_TEXTS)
def _load_fold(text: str) -> Fold:
    loaded = from_json(text)
    for metric in loaded.values():
        metric["latest_at"] = datetime.fromisoformat(metric["latest_at"])
    return Fold({name: FoldedMetric(**metric) for name, metric in loaded.items()})


def fold_document() -> Document:
    """Return the type of the column that holds a Trial's folded metrics."""
    return Document(_dump_fold, _load_fold)


def event_document(dump: Callable[[Any], bytes], load: Callable[[str], Any]) -> Document:
    """Return the type of a column that holds one event."""
    return Document(lambda event: dump(event).decode(), load)
