"""What kubectl asks before it sends anything: the schemas of the resources, and whether fields are checked here."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core.core_schema import NullableSchema

from events.experiment import ExperimentResource
from events.resource import API_VERSION, Manifest, Model
from events.suggestion import SuggestionResource
from events.trial import TrialResource
from functions.api.kinds import GROUP, VERSION, Kind

PATH = f"/openapi/v3/apis/{API_VERSION}"
_MODELS: Mapping[Kind, type[Model]] = {
    Kind.EXPERIMENTS: ExperimentResource,
    Kind.TRIALS: TrialResource,
    Kind.SUGGESTIONS: SuggestionResource,
}
_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")

_TIMED: dict[str, object] = {"time": {"type": "string", "format": "date-time"}}
_TEXT = {"type": "string"}


def _part(description: str, *parameters: str, **properties: object) -> dict[str, Any]:
    """Return an operation that answers with JSON of these properties, or with text where there are none."""
    schema = {"application/json": {"schema": {"type": "object", "properties": properties}}}
    return {
        "description": description,
        "parameters": [{"name": name, "in": "query", "schema": _TEXT} for name in parameters],
        "responses": {"200": {"description": "OK", "content": schema if properties else {"text/plain": {}}}},
    }


def _list_of(**properties: object) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object", "properties": properties}}


_POINT: dict[str, object] = {"name": _TEXT, "value": _TEXT, **_TIMED, "position": {"type": "integer"}, "source": _TEXT}
_MOMENTS = _list_of(**_TIMED, message=_TEXT)
_PARTS: Mapping[Kind, tuple[tuple[str, str, dict[str, Any]], ...]] = {
    Kind.EXPERIMENTS: (
        ("post", "stop", _part("End the Experiment now.")),
        (
            "get",
            "explanation",
            _part("Why it is where it is.", paragraph=_TEXT, trials=_list_of(), events=_MOMENTS, errors=_MOMENTS),
        ),
    ),
    Kind.TRIALS: (
        ("get", "metrics", _part("Every point that was reported.", "metric", points=_list_of(**_POINT))),
        ("get", "log", _part("What the Worker has printed, the last MiB of it.", "tailLines", "attempt")),
    ),
}
"""What Kubernetes has no place for: method, name and operation of each part of a resource."""

EMPTY_V2 = b"\x0a\x032.0\x12\x0d\x0a\x06Kuttab\x12\x03" + b"1.0" + b"\x42\x00\x4a\x00"
"""OpenAPI 2 as old clients want it, in protobuf: a document that knows no kind, so that they check nothing."""
V2_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


class _Schemas(GenerateJsonSchema):
    """OpenAPI 3.0 as Kubernetes writes it: what may be null is just not required."""

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        """Return the schema of the value that is no null."""
        return self.generate_inner(schema["schema"])


def describe(path: str) -> Manifest | None:
    """Return the document of this path, or None where there is none."""
    if path == "/openapi/v3":
        return {"paths": {f"apis/{API_VERSION}": {"serverRelativeURL": f"{PATH}?hash={VERSION}"}}}
    return _document() if path == PATH else None


@cache
def _document() -> dict[str, Any]:
    """Return the document of our group."""
    schemas = _schemas()
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kuttab", "version": VERSION},
        "paths": {path: operations for kind in Kind for path, operations in _paths(kind).items()},
        "components": {"schemas": schemas},
    }


def _schemas() -> dict[str, Any]:
    models: list[tuple[type[Model], Literal["validation"]]] = [(model, "validation") for model in _MODELS.values()]
    reference = "#/components/schemas/{model}"
    _, found = models_json_schema(models, ref_template=reference, schema_generator=_Schemas)
    schemas: dict[str, Any] = found["$defs"]
    for kind, model in _MODELS.items():
        schemas[model.__name__]["x-kubernetes-group-version-kind"] = [_group_version_kind(kind)]
    return schemas


def _group_version_kind(kind: Kind) -> dict[str, str]:
    return {"group": GROUP, "version": VERSION, "kind": kind.object_kind}


def _paths(kind: Kind) -> Mapping[str, Any]:
    base = f"/apis/{API_VERSION}/namespaces/{{namespace}}/{kind}"
    operations = {"get": "get"} | ({"patch": "patch", "put": "put"} if kind == Kind.EXPERIMENTS else {})
    collection = {"get": "list"} | ({"post": "post"} if kind == Kind.EXPERIMENTS else {})
    return {
        base: {method: _operation(kind, action) for method, action in collection.items()},
        f"{base}/{{name}}": {method: _operation(kind, action) for method, action in operations.items()},
        **{f"{base}/{{name}}/{part}": {method: about} for method, part, about in _PARTS.get(kind, ())},
    }


def _operation(kind: Kind, action: str) -> dict[str, Any]:
    schema = {"schema": {"$ref": f"#/components/schemas/{_MODELS[kind].__name__}"}}
    operation: dict[str, Any] = {
        "operationId": f"{action}Namespaced{kind.object_kind}",
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _group_version_kind(kind),
        "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in _PARAMETERS],
        "responses": {"200": {"description": "OK", "content": {"application/json": schema}}},
    }
    if action in {"patch", "post", "put"}:
        media_type = "application/merge-patch+json" if action == "patch" else "application/json"
        operation["requestBody"] = {"content": {media_type: schema}}
    return operation
