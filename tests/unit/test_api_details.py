"""Parts of resources that Kubernetes has no place for: metric series, logs, explanations."""

import pytest

from tests.builders import a_range, a_report
from tests.fakes import House
from tests.unit.face_rig import EXPERIMENTS, TRIALS, Desk


@pytest.fixture
async def desk(house: House) -> Desk:
    desk = Desk(house)
    await desk.create()
    return desk


async def first_trial(desk: Desk) -> str:
    return str((await desk.get(TRIALS))["items"][0]["metadata"]["name"])


async def test_every_reported_point_is_shown(desk: Desk) -> None:
    name = await first_trial(desk)
    trial = await desk.house.reader.trial("default", name)
    assert trial is not None
    await desk.house.play(a_report(trial, a_range(3, 2)), a_report(trial, a_range(9, start=20, name="accuracy")))

    found = await desk.get(f"{TRIALS}/{name}/metrics")
    narrowed = await desk.get(f"{TRIALS}/{name}/metrics?metric=accuracy")

    assert (found["trial"], found["attempt"]) == (name, 1)
    points = [(point["name"], point["value"], point["position"]) for point in found["points"]]
    assert points == [("loss", "3", 0), ("loss", "2", 10), ("accuracy", "9", 20)]
    assert [point["value"] for point in narrowed["points"]] == ["9"]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", b"first\nsecond\nthird\n"),
        ("?tailLines=2", b"second\nthird\n"),
        ("?tailLines=0", b""),
        ("?tailLines=99", b"first\nsecond\nthird\n"),
    ],
)
async def test_a_log_is_text_and_may_be_cut_to_its_end(desk: Desk, query: str, text: bytes) -> None:
    answer = await desk.answer("GET", f"{TRIALS}/{await first_trial(desk)}/log{query}")

    assert (answer.status, answer.media_type, answer.body) == (200, "text/plain", text)


async def test_the_log_of_another_attempt_may_be_asked_for(desk: Desk) -> None:
    await desk.answer("GET", f"{TRIALS}/{await first_trial(desk)}/log?attempt=3")

    assert desk.logs.attempts == [3]


async def test_a_log_that_is_elsewhere_says_so(desk: Desk) -> None:
    desk.logs.text = None

    status, found = await desk.ask("GET", f"{TRIALS}/{await first_trial(desk)}/log")

    assert (status, found["reason"]) == (404, "NotFound")
    assert found["message"].endswith("has no log here: it is elsewhere")


async def test_an_explanation_tells_where_an_experiment_stands(desk: Desk) -> None:
    found = await desk.get(f"{EXPERIMENTS}/digits/explanation")

    assert found["paragraph"].startswith("digits has run for")
    assert len(found["trials"]) == 2
    assert all(it["waitsFor"] and it["movedBy"] for it in found["trials"])
    assert {"time", "message"} == set(found["events"][0])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{TRIALS}/nobody/metrics", 404),
        (f"{TRIALS}/nobody/log", 404),
        (f"{EXPERIMENTS}/nobody/explanation", 404),
        (f"{EXPERIMENTS}/digits/log", 404),
        (f"{EXPERIMENTS}/digits/scale", 404),
    ],
)
async def test_what_is_not_there_is_a_status(desk: Desk, path: str, status: int) -> None:
    code, found = await desk.ask("GET", path)

    assert (code, found["kind"]) == (status, "Status")


async def test_a_count_that_is_none_is_refused(desk: Desk) -> None:
    status, found = await desk.ask("GET", f"{TRIALS}/{await first_trial(desk)}/log?tailLines=-1")

    assert (status, found["message"]) == (400, "tailLines: '-1' is not a number")


async def test_the_openapi_document_has_the_parts(desk: Desk) -> None:
    paths = (await desk.get("/openapi/v3/apis/kubeflow.org/v1beta1"))["paths"]

    parts = {path.rpartition("}/")[2] for path in paths if "{name}/" in path}
    assert parts == {"stop", "explanation", "metrics", "log"}
