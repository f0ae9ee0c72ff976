"""The published contracts are those of the event classes, and strangers can read and write by them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import JsonValue

from events import schemas
from events.envelope import CONTENT_TYPE, Event, MalformedEventError, decode, encode
from events.schemas import __main__ as generator
from events.schemas.asyncapi import ROUTES
from events.types import EVENT_TYPES
from functions.catalog import SUBSCRIPTIONS
from tests.data.event_examples import AT, BY_TYPE, EXAMPLES

FOLDER = Path(schemas.__file__).parent
ROOT = FOLDER.parents[1]


def schema_of(kind: str) -> Draft202012Validator:
    schema = json.loads((FOLDER / f"{kind}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def the_service() -> dict[str, dict[str, dict[str, JsonValue]]]:
    service: dict[str, dict[str, dict[str, JsonValue]]] = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())
    return service


def test_the_committed_files_are_the_generated_ones() -> None:
    committed = {path.name: path.read_text() for path in FOLDER.iterdir() if path.suffix in {".json", ".yaml"}}

    assert committed == schemas.render_contracts(), "run: make schemas"


def test_the_generator_needs_no_yaml_library() -> None:
    program = "import sys, runpy; sys.modules['yaml'] = None; sys.argv = ['', '--check']; "
    program += "runpy.run_module('events.schemas', run_name='__main__')"

    checked = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_a_check_names_the_files_to_write_and_writing_mends_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generator, "_FOLDER", tmp_path)
    (tmp_path / "kuttab.gone.v1.json").write_text("{}")

    codes = [generator.main(arguments) for arguments in (["--check"], [], ["--check"])]

    assert codes == [1, 0, 0]
    assert "kuttab.gone.v1.json" in capsys.readouterr().out.splitlines()
    assert {path.name for path in tmp_path.iterdir()} == schemas.render_contracts().keys()


def test_every_event_has_an_example() -> None:
    assert BY_TYPE.keys() == EVENT_TYPES.keys()


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_a_published_event_keeps_its_contract(event: Event) -> None:
    full = event.replace(caused_by="cause-1", traceparent="00-1-2-01", redelivery=1, extensions={"tenant": "a"})

    assert [error.message for error in schema_of(event.type).iter_errors(json.loads(encode(full)))] == []
    assert [error.message for error in schema_of(event.type).iter_errors(json.loads(encode(event)))] == []


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_what_the_contract_requires_the_decoder_requires(event: Event) -> None:
    validator, message = schema_of(event.type), json.loads(encode(event))
    required = {("data", name): message["data"] for name in validator.schema["properties"]["data"].get("required", ())}
    required |= {("", name): message for name in ("specversion", "id", "source", "type")}

    for (_, name), owner in required.items():
        value = owner.pop(name)
        assert not validator.is_valid(message), name
        with pytest.raises(MalformedEventError):
            decode(json.dumps(message))
        owner[name] = value


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_a_contract_refuses_data_that_nobody_knows(event: Event) -> None:
    message = json.loads(encode(event))
    message["data"]["colour"] = "blue"

    assert not schema_of(event.type).is_valid(message)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_the_cloudevents_package_reads_what_is_published(event: Event) -> None:
    sent = event.replace(time=AT, caused_by="cause-1", redelivery=2, extensions={"tenant": "a"})

    received = from_structured_event(HTTPMessage({"content-type": CONTENT_TYPE}, encode(sent)))

    assert (received.get_id(), received.get_source(), received.get_type()) == (sent.id, sent.source, sent.type)
    assert (received.get_subject(), received.get_time()) == (sent.subject, AT)
    assert received.get_extension("causationid") == "cause-1"
    assert received.get_extension("redelivery") == 2
    assert received.get_extension("tenant") == "a"
    assert received.get_data() == json.loads(encode(sent))["data"]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_what_the_cloudevents_package_writes_is_decoded(event: Event) -> None:
    body = JSONFormat().write(JSONFormat().read(None, encode(event)))

    assert decode(body) == event


def test_the_service_has_a_channel_and_a_message_for_every_event() -> None:
    service = the_service()

    addresses = {channel["address"] for channel in service["channels"].values()}
    payloads = {message["payload"]["schema"]["$ref"] for message in service["components"]["messages"].values()}  # type: ignore[call-overload, index]

    assert service["asyncapi"] == "3.0.0"
    assert addresses == EVENT_TYPES.keys()
    assert payloads == {f"./{kind}.json" for kind in EVENT_TYPES}
    assert all((FOLDER / str(payload)).exists() for payload in payloads)


def test_every_reference_of_the_service_leads_somewhere() -> None:
    service = the_service()
    references = [text for text in strings_under("$ref", service) if text.startswith("#/")]

    for reference in references:
        node: object = service
        for part in reference.removeprefix("#/").split("/"):
            assert isinstance(node, dict)
            node = node[part]

    assert references


def test_the_service_names_the_queues_of_the_catalogue() -> None:
    queues = {kind: subscription.queue for subscription in SUBSCRIPTIONS for kind in subscription.event_types}

    assert {kind: route.queue for kind, route in ROUTES.items()} == queues


def strings_under(name: str, node: object) -> list[str]:
    """Return the strings that stand under this name at any depth."""
    if isinstance(node, dict):
        own = [node[name]] if isinstance(node.get(name), str) else []
        return own + [text for item in node.values() for text in strings_under(name, item)]
    return [text for item in node for text in strings_under(name, item)] if isinstance(node, list) else []
