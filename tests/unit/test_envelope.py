"""What goes onto the wire comes back, and what is no event of ours is refused in one clear line."""

import json
from datetime import UTC, datetime, timedelta
from inspect import get_annotations

import pytest
from pydantic import JsonValue

from events.envelope import ENVELOPE_FIELDS, Event, MalformedEventError, decode, encode, new_id
from events.trial import TrialFinished
from events.types import EVENT_TYPES
from tests.data.event_examples import AT, BY_TYPE, EXAMPLES

FINISHED = BY_TYPE[TrialFinished.type]


def a_message(**changes: JsonValue) -> dict[str, JsonValue]:
    """Return a valid message with these attributes changed; None takes one away."""
    message = {**json.loads(encode(FINISHED)), **changes}
    return {name: value for name, value in message.items() if value is not None}


def some_data(**changes: JsonValue) -> dict[str, JsonValue]:
    return {**json.loads(encode(FINISHED))["data"], **changes}


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_a_published_event_comes_back_as_it_was(event: Event) -> None:
    sent = event.replace(
        time=AT, caused_by="cause-1", traceparent="00-1-2-01", redelivery=3, extensions={"tenant": "a", "hops": 2}
    )

    received = decode(encode(sent))

    assert received == sent
    assert type(received) is type(event)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_a_message_is_a_cloud_event_to_anybody_with_a_json_parser(event: Event) -> None:
    message = json.loads(encode(event.replace(time=AT)))

    assert message["specversion"] == "1.0"
    assert (message["id"], message["source"], message["type"]) == (event.id, "/kuttab/client", event.type)
    assert message["subject"] == event.subject
    assert message["partitionkey"] == event.partition_key
    assert message["time"] == "2026-03-01T12:30:15.250000Z"
    assert message["datacontenttype"] == "application/json"
    assert all(name.isalnum() and name.islower() for name in message)
    assert not message["data"].keys() & {"id", "source", "time", "causedBy", "extensions"}


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    local = datetime.fromisoformat("2026-03-01T18:00:00+05:30")

    message = json.loads(encode(FINISHED.replace(time=local)))

    assert message["time"] == "2026-03-01T12:30:00Z"


def test_what_stays_unset_is_not_on_the_wire() -> None:
    message = json.loads(encode(BY_TYPE["kuttab.clock.ticked.v1"]))

    assert not message.keys() & {"causationid", "traceparent", "redelivery"}
    assert message["data"] == {}


def test_a_minimal_message_gets_the_defaults() -> None:
    data: JsonValue = {"experiment": {"name": "digits"}}
    message = {
        "specversion": "1.0",
        "id": "1",
        "source": "/curl",
        "type": "kuttab.suggestion.requested.v1",
        "data": data,
    }

    event = decode(json.dumps(message))

    assert event.subject == "namespaces/default/experiments/digits"
    assert event.partition_key == "default/digits"
    assert datetime.now(UTC) - event.time < timedelta(minutes=1)


def test_unknown_data_is_ignored_at_every_depth() -> None:
    ref = {**some_data()["experiment"], "colour": "blue"}  # type: ignore[dict-item]

    event = decode(json.dumps(a_message(data=some_data(experiment=ref, mood="good"))))

    assert event == FINISHED


def test_unknown_attributes_are_kept_and_published_again() -> None:
    event = decode(json.dumps(a_message(tenant="a", priority=5, correlationid="x", dataschema="urn:x")))

    assert event.extensions == {"tenant": "a", "priority": 5}
    assert json.loads(encode(event))["tenant"] == "a"


@pytest.mark.parametrize("name", ["id", "causedBy", "caused_by", "extensions", "time", "redelivery"])
def test_data_cannot_speak_for_the_envelope(name: str) -> None:
    event = decode(json.dumps(a_message(data=some_data(**{name: "evil"}))))

    assert event == FINISHED


def test_an_extension_cannot_speak_for_the_envelope() -> None:
    event = FINISHED.replace(extensions={"id": "evil", "type": "evil", "data": "evil"})

    assert decode(encode(event)).id == FINISHED.id


@pytest.mark.parametrize("event_class", EVENT_TYPES.values(), ids=lambda event_class: event_class.type)
def test_no_data_field_shadows_the_envelope(event_class: type[Event]) -> None:
    ancestors = [each for each in event_class.__mro__ if issubclass(each, Event) and each is not Event]

    own = {name for each in ancestors for name in get_annotations(each)} - {"type"}

    assert not own & ENVELOPE_FIELDS
    assert not own & {"subject", "partition_key", "announcement_key", "specversion", "data"}


@pytest.mark.parametrize(
    ("body", "line"),
    [
        pytest.param(b"", "body: not JSON", id="empty"),
        pytest.param(b"{", "body: not JSON", id="cut off"),
        pytest.param(b"\xff\xfe\x00", "body: not JSON", id="not UTF-8"),
        pytest.param(b'"\\ud800"', "body: not JSON", id="half a character"),
        pytest.param(b'{"a": NaN}', "body: not JSON", id="not a number"),
        pytest.param(b"1" * 5_000, "body: not JSON", id="giant number"),
        pytest.param(nested(100_000), "body: not JSON", id="giant nesting"),
        pytest.param(nested(300), "body: not JSON", id="deep nesting"),
        pytest.param(b"[]", "body: must be a JSON object, got list", id="list"),
        pytest.param(b"null", "body: must be a JSON object, got NoneType", id="null"),
        pytest.param(a_message(specversion=None), "specversion: must be '1.0', got None", id="no specversion"),
        pytest.param(a_message(specversion="0.3"), "specversion: must be '1.0', got '0.3'", id="old specversion"),
        pytest.param(a_message(id=None), "id: required", id="no id"),
        pytest.param(a_message(id=""), "id: required", id="empty id"),
        pytest.param(a_message(id=7), "id: required", id="id of another type"),
        pytest.param(a_message(id="x" * 129), "id: String should have at most 128 characters", id="giant id"),
        pytest.param(a_message(source=None), "source: required", id="no source"),
        pytest.param(a_message(type=None), "type: required", id="no type"),
        pytest.param(a_message(type=["a"]), "type: required", id="type of another type"),
        pytest.param(
            a_message(type="com.example.v1"), "type: 'com.example.v1' is not an event type", id="unknown type"
        ),
        pytest.param(
            a_message(type="kuttab.trial.finished.v2"), "type: 'kuttab.trial.finished.v2' is", id="newer type"
        ),
        pytest.param(a_message(data="text"), "data: must be a JSON object, got str", id="data of another type"),
        pytest.param(a_message(data=None), "experiment: Field required", id="no data"),
        pytest.param(a_message(time="yesterday"), "time: Input should be a valid datetime", id="no time"),
        pytest.param(
            a_message(time="2026-03-01T12:00:00"), "time: Input should have timezone info", id="time without zone"
        ),
        pytest.param(
            a_message(redelivery=-1), "redelivery: Input should be greater than or equal to 0", id="redelivery"
        ),
        pytest.param(a_message(data=some_data(outcome="Fine")), "outcome: Input should be 'Succeeded'", id="outcome"),
        pytest.param(
            a_message(data=some_data(exitCode="one")), "exitCode: Input should be a valid integer", id="integer"
        ),
        pytest.param(
            a_message(data=some_data(trial={"name": "t", "uid": "u", "number": 0})), "trial.number:", id="number"
        ),
        pytest.param(
            a_message(data=some_data(lastRange={"end": 9, "points": [{"position": "x", "name": "a", "value": "1"}]})),
            "lastRange.points[0].position: Input should be a valid integer",
            id="place in a list",
        ),
    ],
)
def test_a_malformed_message_is_refused_in_one_clear_line(body: bytes | str | dict[str, JsonValue], line: str) -> None:
    with pytest.raises(MalformedEventError) as raised:
        decode(json.dumps(body) if isinstance(body, dict) else body)

    first, *rest = str(raised.value).splitlines()
    assert first.startswith(line)
    assert len(first) < 200
    assert not rest or line == "experiment: Field required"


def test_ids_of_clients_sort_by_their_time_and_are_uuids_of_version_7() -> None:
    ids = [new_id() for _ in range(1_000)]

    assert len(set(ids)) == len(ids)
    assert all(len(each) == 36 and each[14] == "7" and each[19] in "89ab" for each in ids)
    assert [each[:8] for each in ids] == sorted(each[:8] for each in ids)
