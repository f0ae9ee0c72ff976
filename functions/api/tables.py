"""How resources are written: as themselves, or as the Table that kubectl prints, with Katib's columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from events.experiment import ExperimentResource
from events.resource import API_VERSION, Condition, Manifest
from events.suggestion import SuggestionResource
from events.trial import TrialResource
from functions.api.http import Request
from functions.api.kinds import Kind
from functions.api.looking import Resource
from functions.explanation.durations import render_duration

_TABLE: Manifest = {"kind": "Table", "apiVersion": "meta.k8s.io/v1"}
_NAME = ("Name", "string", 0)
_STATE = (("Type", "string", 0), ("Status", "string", 0))
_AGE = ("Age", "string", 0)

COLUMNS: Mapping[Kind, Sequence[tuple[str, str, int]]] = {
    Kind.EXPERIMENTS: (
        _NAME,
        *_STATE,
        _AGE,
        ("Trials", "integer", 1),
        ("Running", "integer", 1),
        ("Succeeded", "integer", 1),
        ("Best Trial", "string", 1),
    ),
    Kind.TRIALS: (_NAME, *_STATE, _AGE, ("Experiment", "string", 1), ("Parameters", "string", 1)),
    Kind.SUGGESTIONS: (
        _NAME,
        *_STATE,
        ("Requested", "integer", 0),
        ("Assigned", "integer", 0),
        _AGE,
        ("Algorithm", "string", 1),
    ),
}
"""Name, type and priority of each column: Katib's printer columns, then (priority 1) what `-o wide` adds."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """What one caller wants to see."""

    kind: Kind
    now: datetime
    is_table: bool = False
    includes: str = "Metadata"
    """What of the object is beside a row: Metadata, Object or None."""

    @classmethod
    def of(cls, request: Request, kind: Kind, now: datetime) -> "Presentation":
        """Read the Accept header."""
        is_table = "as=Table" in request.headers.get("accept", "")
        return cls(kind, now, is_table, request.query.get("includeObject", "Metadata"))

    def one(self, resource: Resource) -> Manifest:
        """Return one resource."""
        if self.is_table:
            return self._table([resource], resource.metadata.resource_version)
        return resource.to_manifest()

    def many(self, resources: Sequence[Resource], version: str) -> Manifest:
        """Return a list."""
        if self.is_table:
            return self._table(resources, version)
        items: list[JsonValue] = [resource.to_manifest() for resource in resources]
        about: Manifest = {"kind": f"{self.kind.object_kind}List", "apiVersion": API_VERSION}
        return {**about, "metadata": {"resourceVersion": version}, "items": items}

    def _table(self, resources: Sequence[Resource], version: str) -> Manifest:
        columns: list[JsonValue] = [
            {
                "name": name,
                "type": kind,
                "format": "name" if name == "Name" else "",
                "description": "",
                "priority": rank,
            }
            for name, kind, rank in COLUMNS[self.kind]
        ]
        rows: list[JsonValue] = [self._row(resource) for resource in resources]
        return {**_TABLE, "metadata": {"resourceVersion": version}, "columnDefinitions": columns, "rows": rows}

    def _row(self, resource: Resource) -> Manifest:
        manifest = resource.to_manifest()
        row: Manifest = {"cells": cells_of(resource, self.now)}
        if self.includes == "Object":
            row["object"] = manifest
        elif self.includes != "None":
            kind: Manifest = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
            row["object"] = {**kind, "metadata": manifest["metadata"]}
        return row


def cells_of(resource: Resource, now: datetime) -> list[JsonValue]:
    """Return the cells of a resource's row."""
    created_at = resource.metadata.creation_timestamp
    age = render_duration((now - created_at).total_seconds()) if created_at else "<unknown>"
    match resource:
        case ExperimentResource(status=status) if status is not None:
            counts = (status.trials or 0, status.trials_running or 0, status.trials_succeeded or 0)
            best = status.current_optimal_trial.best_trial_name
            return [resource.metadata.name, *_state(status.conditions), age, *counts, best]
        case SuggestionResource(spec=spec, status=told):
            asked = (spec.requests, told.suggestion_count)
            return [resource.metadata.name, *_state(told.conditions), *asked, age, spec.algorithm.algorithm_name]
        case TrialResource():
            given = ",".join(f"{it.name}={it.value}" for it in resource.spec.parameter_assignments)
            experiment = resource.metadata.labels.get("katib.kubeflow.org/experiment", "")
            return [resource.metadata.name, *_state(resource.status.conditions), age, experiment, given]
    return [resource.metadata.name, "", "", age, 0, 0, 0, ""]


def _state(conditions: Sequence[Condition]) -> tuple[str, str]:
    """Return type and status of the last condition."""
    return (conditions[-1].type, conditions[-1].status.value) if conditions else ("", "")
