"""Watches: what is there, what changes, where to go on from, and when to begin anew."""

from typing import Any

import pytest

from functions.api import watching
from functions.api.looking import WHOLE_LOOKS
from functions.trial.model import TrialState
from tests.builders import a_change
from tests.fakes import House
from tests.unit.face_rig import EXPERIMENTS, PATCH, TRIALS, Desk

SHORT = "watch=true&timeoutSeconds=3"


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


def told(events: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    return [(kind, found["metadata"].get("name", "")) for kind, found in events]


async def version_of(desk: Desk, target: str) -> str:
    return str((await desk.get(target))["metadata"]["resourceVersion"])


@pytest.mark.parametrize("word", ["true", "True", "1", ""])
async def test_a_watch_begins_with_what_is_there(desk: Desk, word: str) -> None:
    await desk.create()

    events = await desk.watch(f"{EXPERIMENTS}?watch={word}&timeoutSeconds=3")

    assert told(events) == [("ADDED", "digits")]


async def test_nothing_is_missed_between_a_list_and_its_watch(desk: Desk) -> None:
    version = await version_of(desk, EXPERIMENTS)
    await desk.create()
    await desk.ask("PATCH", f"{EXPERIMENTS}/digits", {"metadata": {"labels": {"a": "b"}}}, **PATCH)

    events = await desk.watch(f"{EXPERIMENTS}?{SHORT}&resourceVersion={version}")

    assert told(events) == [("ADDED", "digits")]
    assert events[0][1]["metadata"]["labels"] == {"a": "b"}
    assert int(events[0][1]["metadata"]["resourceVersion"]) > int(version)


async def test_changes_are_told_in_their_order(desk: Desk) -> None:
    async def create() -> None:
        await desk.create()

    async def edit() -> None:
        await desk.ask("PATCH", f"{EXPERIMENTS}/digits", {"spec": {"maxTrialCount": 5}}, **PATCH)

    async def delete() -> None:
        await desk.ask("DELETE", f"{EXPERIMENTS}/digits")

    desk.pace.plans = [create, edit, delete]

    events = await desk.watch(f"{EXPERIMENTS}?{SHORT}")

    assert told(events) == [("ADDED", "digits"), ("MODIFIED", "digits"), ("DELETED", "digits")]
    versions = [int(found["metadata"]["resourceVersion"]) for _, found in events]
    assert versions == sorted(set(versions))


async def test_a_watch_goes_on_after_the_last_event_that_was_seen(desk: Desk) -> None:
    await desk.create()
    seen = await desk.watch(f"{TRIALS}?{SHORT}")
    last = seen[-1][1]["metadata"]["resourceVersion"]
    await desk.ask("DELETE", f"{TRIALS}/{seen[0][1]['metadata']['name']}")

    events = await desk.watch(f"{TRIALS}?{SHORT}&resourceVersion={last}")

    assert told(events) == [("DELETED", seen[0][1]["metadata"]["name"])]


async def test_a_version_of_another_process_is_too_old(desk: Desk) -> None:
    version = await version_of(desk, EXPERIMENTS)
    other = Desk(desk.house)

    status, found = await other.ask("GET", f"{EXPERIMENTS}?{SHORT}&resourceVersion={version}")

    assert (status, found["reason"]) == (410, "Expired")


async def test_too_many_changes_end_a_watch_with_410(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "HISTORY_COUNT", 1)
    version = await version_of(desk, EXPERIMENTS)
    for name in ("first", "second"):
        await desk.create(name=name)
        await desk.get(EXPERIMENTS)
        desk.house.clock.advance(1)

    status, _ = await desk.ask("GET", f"{EXPERIMENTS}?{SHORT}&resourceVersion={version}")

    assert status == 410


async def test_what_leaves_a_selector_is_deleted_for_its_watcher(desk: Desk) -> None:
    await desk.create()

    async def label(value: str | None) -> None:
        await desk.ask("PATCH", f"{EXPERIMENTS}/digits", {"metadata": {"labels": {"team": value}}}, **PATCH)

    desk.pace.plans = [lambda: label("scribes"), lambda: label(None)]

    events = await desk.watch(f"{EXPERIMENTS}?{SHORT}&labelSelector=team=scribes")

    assert told(events) == [("ADDED", "digits"), ("DELETED", "digits")]


async def test_a_watch_of_one_name_hears_of_that_one_only(desk: Desk) -> None:
    async def create(name: str) -> None:
        await desk.create(name=name)

    desk.pace.plans = [lambda: create("digits"), lambda: create("letters")]

    events = await desk.watch(f"{EXPERIMENTS}?{SHORT}&fieldSelector=metadata.name=letters")

    assert told(events) == [("ADDED", "letters")]


async def test_bookmarks_say_where_to_go_on(desk: Desk) -> None:
    events = await desk.watch(f"{EXPERIMENTS}?watch=1&timeoutSeconds=25&allowWatchBookmarks=true")

    assert told(events) == [("BOOKMARK", ""), ("BOOKMARK", "")]
    version = events[-1][1]["metadata"]["resourceVersion"]
    assert await desk.watch(f"{EXPERIMENTS}?{SHORT}&resourceVersion={version}") == []


async def test_initial_events_end_with_a_bookmark_that_says_so(desk: Desk) -> None:
    await desk.create()

    events = await desk.watch(f"{EXPERIMENTS}?{SHORT}&sendInitialEvents=true&resourceVersion=5")

    assert told(events) == [("ADDED", "digits"), ("BOOKMARK", "")]
    assert events[-1][1]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_trials_are_told_as_they_run_and_ended_ones_are_not_read_again(desk: Desk) -> None:
    reads: list[list[int]] = []
    reader = desk.house.reader
    whole = reader.trials_again

    async def spy(uid: str, numbers: list[int], *, after: int) -> Any:
        reads.append(list(numbers))
        return await whole(uid, numbers, after=after)

    reader.trials_again = spy  # type: ignore[method-assign, assignment]

    async def finish_the_first() -> None:
        (trial, *_) = [it for it in await desk.house.reader.all_trials(uid) if it.is_active]
        desk.house.target.write(trial, "loss=1\n")
        desk.house.target.end(trial)
        await desk.house.play(a_change(trial))

    uid = (await desk.create())["metadata"]["uid"]
    desk.pace.plans = [finish_the_first]

    events = await desk.watch(f"{TRIALS}?{SHORT}")

    assert [kind for kind, _ in events] == ["ADDED", "ADDED", "MODIFIED", "ADDED"]
    assert events[2][1]["status"]["conditions"][-1]["type"] == "Succeeded"
    assert reads[0] == [1, 2]
    assert reads[-1] == [2, 3]


async def test_an_ended_trial_that_somebody_else_deletes_is_missed_in_the_end(desk: Desk) -> None:
    uid = (await desk.create())["metadata"]["uid"]
    first, _ = [await desk.house.change(number, uid, state=TrialState.KILLED) for number in (1, 2)]

    async def hide() -> None:
        await desk.house.change(1, uid, is_hidden=True)

    desk.pace.plans = [hide]

    events = await desk.watch(f"{TRIALS}?watch=true&timeoutSeconds={WHOLE_LOOKS}")

    assert told(events)[2:] == [("DELETED", first.name)]


async def test_a_watch_ends_when_its_server_stops(desk: Desk) -> None:
    await desk.create()

    async def stop() -> None:
        desk.pace.is_stopping = True

    desk.pace.plans = [stop]
    began_at = desk.pace.now()

    events = await desk.watch(f"{EXPERIMENTS}?watch=true&timeoutSeconds=600")

    assert told(events) == [("ADDED", "digits")]
    assert (desk.pace.now() - began_at).total_seconds() < 1
