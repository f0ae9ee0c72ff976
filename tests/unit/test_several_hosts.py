"""Which host may run which Trial: labels, selectors, queues, and slots that several queues share."""

import asyncio
from typing import Any

import pytest

from events.trial import TargetKind, TrialCreated
from functions.catalog import LABEL_COUNT, is_selector_queue, launch_queue, satisfies, selector_queues, subscription_of
from functions.ports import Host
from infra.broker.memory import MemoryBroker
from infra.runtime import Runtime
from infra.settings import Settings, SettingsError
from local_runner.consumers import Stopping
from local_runner.launches import Launches
from local_runner.supervisor import Supervisor
from tests.builders import UID, a_created_event, a_tick, an_experiment_manifest
from tests.fakes import FakeTarget, House

HERE = {"gpu": "a100", "zone": "x"}
ANY = launch_queue(TargetKind.PROCESS)
GPU = launch_queue(TargetKind.PROCESS, {"gpu": "a100"})


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        ({"gpu": "a100"}, True),
        ({"zone": "x", "gpu": "a100"}, True),
        ({"gpu": "h100"}, False),
        ({"gpu": "a100", "disk": "big"}, False),
    ],
)
def test_a_host_reads_the_queues_of_the_selectors_that_its_labels_satisfy(
    selector: dict[str, str], expected: bool
) -> None:
    queue = launch_queue(TargetKind.PROCESS, selector)

    assert satisfies(HERE, selector) is expected
    assert (queue in {ANY, *selector_queues(HERE)}) is expected


def test_the_queue_of_a_selector_is_known_as_one() -> None:
    queues = selector_queues(HERE)

    assert len(queues) == len(set(queues)) == 3
    assert all(map(is_selector_queue, queues))
    assert not is_selector_queue(ANY)
    assert {subscription.queue for subscription in map(subscription_of, queues) if subscription} == {"trial-launch"}


def test_a_host_with_too_many_labels_is_refused() -> None:
    settings = Settings(labels=tuple(f"{key}=1" for key in "abcdefghi"))

    with pytest.raises(SettingsError, match=f"labels: a host has at most {LABEL_COUNT}, not 9"):
        _ = settings.label_map


def test_how_long_a_host_may_be_silent_is_a_setting() -> None:
    settings = Settings.load({"KUTTAB_HOST_SILENCE_SECONDS": "4"})

    assert settings.limits.host_silence_seconds == 4


async def _launches(house: House, *, slots: int) -> tuple[Launches, MemoryBroker]:
    broker, host = MemoryBroker(), Host("host-a", slots=slots, labels=HERE)
    supervisor = Supervisor(house.wiring, broker, house.target, host)  # type: ignore[arg-type]  # a fake has no files
    return Launches(Runtime(house.wiring, broker), broker, supervisor, Stopping()), broker


async def _wait_for_trials(house: House, *, selector: dict[str, str], **manifest: Any) -> list[TrialCreated]:
    """Admit an Experiment of two process Trials; return their launches, the second one with a selector."""
    found = await house.play(a_created_event(kind="Process", maxTrialCount=2, **manifest), hold=[TrialCreated])
    first, second = (event for event in found if isinstance(event, TrialCreated))
    await house.change(2, runner_selector=selector)
    return [first, second.model_copy(update={"runner_selector": selector})]


async def _launched(supervisor: Supervisor) -> None:
    """Return when a Worker of this host has been started."""
    slots = supervisor.free_slots
    async with asyncio.timeout(30):
        while supervisor.free_slots == slots or supervisor.launching:  # noqa: ASYNC110 - no event tells others
            await asyncio.sleep(0.01)


async def test_two_queues_share_one_slot_and_what_came_too_late_goes_back(house: House) -> None:
    events = await _wait_for_trials(house, selector={"gpu": "a100"})
    launches, broker = await _launches(house, slots=1)
    await broker.publish(events)

    tasks = [asyncio.create_task(launches.consume(queue)) for queue in (ANY, GPU)]
    await _launched(launches.supervisor)
    launches.stopping.set()
    await asyncio.gather(*tasks)

    assert len(house.target.launched) == 1
    assert broker.depth(ANY) + broker.depth(GPU) == 1


async def test_the_queue_of_a_selector_is_read_once_somebody_uses_it(house: House) -> None:
    launches, broker = await _launches(house, slots=2)
    await launches.follow_selectors(house.stores)
    before = dict(launches.by_selector)

    events = await _wait_for_trials(house, selector={"gpu": "a100"})
    async with house.stores.begin() as store:
        await store.note_launch_queue(GPU)
    await broker.publish(events[1:])
    await launches.follow_selectors(house.stores)
    await _launched(launches.supervisor)
    launches.stopping.set()
    await launches.stop(seconds=10)

    assert before == {}
    assert [uid for uid, _ in house.target.launched] == [events[1].trial.uid]


async def test_the_queue_of_a_selector_that_is_forgotten_is_read_no_more_until_it_is_noted_again(house: House) -> None:
    launches, broker = await _launches(house, slots=2)
    events = await _wait_for_trials(house, selector={"gpu": "a100"})
    async with house.stores.begin() as store:
        await store.note_launch_queue(GPU)
    await launches.follow_selectors(house.stores)
    task = launches.by_selector[GPU]

    async with house.stores.begin() as store:
        await store.forget_launch_queues(-1)
    await launches.follow_selectors(house.stores)
    await asyncio.wait_for(task, 30)
    await launches.follow_selectors(house.stores)
    between = dict(launches.by_selector)
    house.clock.advance(2 * house.limits.nudge_base_seconds)
    await house.handle(a_tick())
    await broker.publish(events[1:])
    await launches.follow_selectors(house.stores)
    await _launched(launches.supervisor)
    launches.stopping.set()
    await launches.stop(seconds=10)

    assert between == {}
    assert [uid for uid, _ in house.target.launched] == [events[1].trial.uid]


async def test_an_experiment_with_a_selector_notes_its_queue(house: House) -> None:
    template = an_experiment_manifest(kind="Process")["spec"]["trialTemplate"]
    template["trialSpec"]["spec"]["runnerSelector"] = {"gpu": "a100"}

    await house.play(a_created_event(trialTemplate=template), hold=[TrialCreated])

    async with house.stores.begin() as store:
        assert await store.noted_launch_queues(selector_queues(HERE)) == {GPU}


class KeepingTarget(FakeTarget):
    """Keeps logs of Trials, by their Experiments."""

    def __init__(self, kept: dict[str, frozenset[str]]) -> None:
        super().__init__()
        self.kept = kept

    async def list_kept(self) -> dict[str, frozenset[str]]:
        return self.kept

    async def purge(self, trial_uid: str) -> None:
        self.kept = {uid: left for uid, trials in self.kept.items() if (left := trials - {trial_uid})}


async def test_a_host_that_was_away_purges_what_deleted_experiments_left_behind_and_nothing_else(house: House) -> None:
    trials = await house.start()
    here, gone, elsewhere = {trials[0].uid}, {"attempt-1", "attempt-2"}, {"of another database"}
    target = KeepingTarget({UID: frozenset(here), "deleted": frozenset(gone), "unknown": frozenset(elsewhere)})
    async with house.stores.begin() as store:
        await store.add_tombstone("deleted")
        await store.add_tombstone(UID)  # its rows are still there

    await Supervisor(house.wiring, MemoryBroker(), target, Host("host-a")).sweep()  # type: ignore[arg-type]  # as above

    assert target.kept == {UID: here, "unknown": elsewhere}
