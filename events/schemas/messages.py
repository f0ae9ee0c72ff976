"""The JSON Schema (2020-12) of an event's whole message: the CloudEvents attributes and the data."""

import json

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from ..envelope import ENVELOPE_FIELDS, Event

JsonSchema = JsonSchemaValue
"""A JSON Schema as JSON types."""

_TEXT: JsonSchema = {"type": "string", "minLength": 1}


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles that only repeat the names of the fields."""

    def field_title_should_be_set(self, schema: object) -> bool:
        del schema
        return False


def message_schema(event_class: type[Event]) -> JsonSchema:
    """Return the schema of what is published; a receiver ignores data that it does not know all the same."""
    data = _data_schema(event_class)
    definitions = _used(data.pop("$defs", {}), data)
    required = ["specversion", "id", "source", "type", *(["data"] if "required" in data else [])]
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:kuttab:event:{event_class.type}",
        "title": event_class.__name__,
        "description": data.pop("description"),
        "type": "object",
        "properties": {**_attributes(event_class), "data": data},
        "required": required,
        "propertyNames": {"pattern": "^[a-z0-9]+$"},
        "additionalProperties": {"type": ["boolean", "integer", "string"]},
        **({"$defs": definitions} if definitions else {}),
    }


def _data_schema(event_class: type[Event]) -> JsonSchema:
    """Return the schema of `data`: the event's fields without those of the envelope."""
    schema = event_class.model_json_schema(by_alias=True, schema_generator=_Untitled)
    fields = event_class.model_fields
    envelope = {fields[name].alias or name for name in ENVELOPE_FIELDS}
    schema["properties"] = {name: value for name, value in schema["properties"].items() if name not in envelope}
    schema.pop("title")
    return schema


def _used(definitions: JsonSchema, data: JsonSchema) -> JsonSchema:
    """Return the definitions that are referred to: those that only the envelope's fields used are left out."""
    text = json.dumps([data, definitions])
    return {name: value for name, value in definitions.items() if f'"#/$defs/{name}"' in text}


def _attributes(event_class: type[Event]) -> JsonSchema:
    """Return the schemas of the CloudEvents attributes; the last five are extensions."""
    return {
        "specversion": {"const": "1.0"},
        "id": {
            **_TEXT,
            "maxLength": 128,
            "description": "Unique within the source; a repeated delivery has the same.",
        },
        "source": {**_TEXT, "format": "uri-reference", "description": "Who published the event."},
        "type": {"const": event_class.type},
        "subject": {**_TEXT, "description": "The path of the resource that the event is about."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"type": "string", "format": "uri"},
        "partitionkey": {**_TEXT, "description": "Events with equal keys touch the same rows: the Experiment's uid."},
        "correlationid": {**_TEXT, "description": "The Experiment whose story the event belongs to."},
        "causationid": {**_TEXT, "description": "The id of the event that led to this one."},
        "traceparent": {**_TEXT, "description": "W3C Trace Context, carried through."},
        "redelivery": {"type": "integer", "minimum": 0, "description": "How often a handler asked for it again."},
    }
