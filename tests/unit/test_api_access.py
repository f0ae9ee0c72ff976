"""Who may call, what the server says of itself, and events over HTTP."""

import pytest

from events.envelope import encode
from events.observation import TOKEN
from functions.api.http import Request
from functions.observation.tokens import Tokens
from tests.builders import a_created_event, a_range, a_report
from tests.fakes import House
from tests.unit.face_rig import BASE, EXPERIMENTS, SECRET, Desk

EVENT = {"content_type": "application/cloudevents+json"}


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


@pytest.mark.parametrize(
    ("header", "status"),
    [("", 401), ("Bearer wrong", 401), ("Basic right", 401), ("Bearer right", 200), ("bearer right", 200)],
)
async def test_with_a_token_only_those_who_show_it_may_call(house: House, header: str, status: int) -> None:
    desk = Desk(house, token="right")

    code, _ = await desk.ask("GET", EXPERIMENTS, authorization=header)

    assert code == status


async def test_whom_somebody_in_front_has_looked_at_may_call(house: House) -> None:
    desk = Desk(house, token="right")

    answer = await desk.face.answer(Request("GET", EXPERIMENTS, is_trusted=True))

    assert answer.status == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/livez"])
async def test_health_needs_no_token(house: House, path: str) -> None:
    answer = await Desk(house, token="right").answer("GET", path)

    assert (answer.status, answer.body) == (200, b"ok")


async def test_discovery_leads_to_every_resource(desk: Desk) -> None:
    groups = await desk.get("/apis")
    version = groups["groups"][0]["preferredVersion"]["groupVersion"]
    found = await desk.get(f"/apis/{version}")

    assert [it["name"] for it in found["resources"]] == ["experiments", "trials", "suggestions"]
    for it in found["resources"]:
        assert (await desk.get(f"/apis/{version}/{it['name']}"))["kind"] == f"{it['kind']}List"
    assert (await desk.get("/version"))["gitVersion"].startswith("v1.")
    assert (await desk.get("/api"))["versions"] == ["v1"]


async def test_the_openapi_document_says_that_fields_are_checked(desk: Desk) -> None:
    (entry,) = (await desk.get("/openapi/v3"))["paths"].values()
    found = await desk.get(entry["serverRelativeURL"])

    patch = found["paths"][f"{BASE}/namespaces/{{namespace}}/experiments/{{name}}"]["patch"]
    assert "fieldValidation" in {it["name"] for it in patch["parameters"]}
    assert patch["x-kubernetes-group-version-kind"]["kind"] == "Experiment"
    assert "spec" in found["components"]["schemas"]["ExperimentResource"]["properties"]


async def test_pushed_metrics_with_their_trials_token_are_published(house: House) -> None:
    desk = Desk(house, token="right")
    (trial, *_) = await house.start()
    token = Tokens(SECRET).token_of(trial.uid, trial.attempt)
    event = a_report(trial, a_range(1, pushed=True), extensions={TOKEN: token})

    status, found = await desk.ask("POST", "/events", encode(event), **EVENT)

    assert (status, found) == (202, {"id": event.id})
    assert desk.published == [event]


@pytest.mark.parametrize("is_of_another", [True, False])
async def test_a_wrong_token_is_refused(desk: Desk, is_of_another: bool) -> None:
    trial, other, *_ = await desk.house.start()
    token = Tokens(SECRET).token_of(other.uid, 1) if is_of_another else "forged"
    event = a_report(trial, a_range(1, pushed=True), extensions={TOKEN: token})

    status, found = await desk.ask("POST", "/events", encode(event), **EVENT)

    assert (status, found["reason"]) == (403, "Forbidden")
    assert desk.published == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/cloudevents+json", 400),
        (b"{}", "application/cloudevents+json", 400),
        (encode(a_created_event()).replace(b'"default"', b"7"), "application/cloudevents+json", 400),
        (encode(a_created_event()), "text/plain", 415),
        (b" " * 300_000, "application/cloudevents+json", 413),
    ],
)
async def test_what_is_no_event_is_refused(desk: Desk, body: bytes, kind: str, status: int) -> None:
    code, found = await desk.ask("POST", "/events", body, content_type=kind)

    assert (code, found["kind"]) == (status, "Status")
    assert desk.published == []


async def test_other_events_need_the_token_of_the_api(house: House) -> None:
    desk, body = Desk(house, token="right"), encode(a_created_event())

    refused, _ = await desk.ask("POST", "/events", body, **EVENT)
    taken, _ = await desk.ask("POST", "/events", body, authorization="Bearer right", **EVENT)

    assert (refused, taken, len(desk.published)) == (401, 202, 1)


async def test_an_event_that_the_broker_does_not_take_is_not_acknowledged(desk: Desk) -> None:
    desk.is_broken = True

    answer = await desk.answer("POST", "/events", encode(a_created_event()), **EVENT)

    assert answer.status == 503
    assert dict(answer.headers)["Retry-After"]
