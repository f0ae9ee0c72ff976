"""suggestion.requested: one search at a time, fenced by its lease, and what comes of its answer."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from events.experiment import ExperimentFinished
from events.suggestion import SuggestionRequested
from events.trial import TrialCreated
from functions.errors import Retry
from functions.experiment.reasons import Phase
from functions.suggestion.algorithms.interface import Request
from tests.builders import (
    a_created_event,
    a_finished_trial,
    a_search_request,
    a_stop,
    an_edit,
)
from tests.fakes import House, open_house

GRID_OF_TWO: dict[str, Any] = {
    "algorithm": {"algorithmName": "grid"},
    "parameters": [{"name": "x", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "2"}}],
    "maxTrialCount": None,
    "parallelTrialCount": 3,
}


class ProcessDiedError(Exception):
    """The process that searched is gone."""


def _interrupt(house: House, meanwhile: Callable[[], Awaitable[object]]) -> None:
    """Let something happen once, between the search and the use of its answer."""
    house.restart()
    offload = house.wiring.offload

    async def interrupted(work: Callable[[], Any]) -> Any:
        answer = await offload(work)
        house.restart()
        await meanwhile()
        return answer

    house.wiring.offload = interrupted


async def _die() -> None:
    raise ProcessDiedError


async def _requested(house: House, **manifest: Any) -> SuggestionRequested:
    (request,) = await house.play(a_created_event(**manifest), hold=[SuggestionRequested])
    assert isinstance(request, SuggestionRequested)
    return request


async def test_a_request_creates_a_trial_for_every_free_slot(house: House) -> None:
    request = await _requested(house)

    announced = await house.handle(request)

    assert [type(event) for event in announced] == [TrialCreated, TrialCreated]
    assert (await house.experiment()).pending == 2
    assert [trial.caused_by for trial in await house.trials()] == [request.id] * 2


async def test_a_lease_of_another_event_is_left_alone(house: House) -> None:
    request = await _requested(house)
    _interrupt(house, _die)
    with pytest.raises(ProcessDiedError):
        await house.handle(request)

    announced = await house.handle(a_search_request(id="another"))

    assert announced == []
    assert await house.trials() == []


async def test_the_same_event_redelivered_takes_its_lease_over(house: House) -> None:
    request = await _requested(house)
    _interrupt(house, _die)
    with pytest.raises(ProcessDiedError):
        await house.handle(request)

    announced = await house.handle(request)

    assert len(announced) == len(await house.trials()) == 2


async def test_an_expired_lease_is_free_for_another_event(house: House) -> None:
    request = await _requested(house)
    _interrupt(house, _die)
    with pytest.raises(ProcessDiedError):
        await house.handle(request)
    house.clock.advance(house.limits.search_lease_seconds)

    announced = await house.handle(a_search_request(id="another"))

    assert len(announced) == 2


async def test_a_lost_lease_discards_the_answer(house: House) -> None:
    request = await _requested(house)

    async def another_searches() -> None:
        house.clock.advance(house.limits.search_lease_seconds)
        await house.handle(a_search_request(id="another"))

    _interrupt(house, another_searches)

    announced = await house.handle(request)

    assert announced == []
    assert [trial.caused_by for trial in await house.trials()] == ["another"] * 2


async def test_a_takeover_by_the_same_event_announces_its_trials_once_more(house: House) -> None:
    request = await _requested(house)

    async def redelivered() -> None:
        await house.handle(request)

    _interrupt(house, redelivered)

    announced = await house.handle(request)

    assert len(announced) == len(await house.trials()) == 2


async def test_no_trial_exceeds_a_budget_that_was_lowered_during_the_search(house: House) -> None:
    request = await _requested(house)
    _interrupt(house, lambda: house.handle(an_edit(parallel=1)))

    await house.handle(request)

    assert len(await house.trials()) == 1


async def test_nothing_is_created_for_an_experiment_that_was_stopped_during_the_search(house: House) -> None:
    request = await _requested(house)
    _interrupt(house, lambda: house.handle(a_stop()))

    announced = await house.handle(request)

    assert await house.trials() == []
    assert [type(event) for event in announced] == [ExperimentFinished]


async def test_a_crash_before_the_answer_is_used_changes_no_suggestion(house: House) -> None:
    calm = await open_house()
    await calm.handle(await _requested(calm))
    request = await _requested(house)
    _interrupt(house, _die)
    with pytest.raises(ProcessDiedError):
        await house.handle(request)

    await house.handle(request)

    assert [it.assignments for it in await house.trials()] == [it.assignments for it in await calm.trials()]
    await calm.stores.close()
    calm.raw.close()


class _Broken:
    def suggest(self, request: Request) -> None:
        raise ValueError("singular matrix")


@pytest.fixture
def broken_algorithm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.suggestion.searching.get_algorithm", lambda _: _Broken())


@pytest.mark.usefixtures("broken_algorithm")
async def test_an_algorithm_that_fails_is_asked_again_later_each_time(house: House) -> None:
    request = await _requested(house)

    delays = []
    for _ in range(3):
        with pytest.raises(Retry, match="algorithm random: ValueError: singular matrix") as caught:
            await house.handle(request)
        delays.append(caught.value.delay_seconds)

    assert delays == [1, 2, 4]
    assert (await house.experiment()).phase == Phase.CREATED


@pytest.mark.usefixtures("broken_algorithm")
async def test_an_algorithm_that_fails_too_often_fails_its_experiment_with_its_error(house: House) -> None:
    request = await _requested(house)
    for _ in range(house.limits.search_failure_limit - 1):
        with pytest.raises(Retry):
            await house.handle(request)

    announced = await house.handle(request)

    experiment = await house.experiment()
    assert [type(event) for event in announced] == [ExperimentFinished]
    assert experiment.phase == Phase.FAILED
    assert experiment.conditions[-1].message == "Suggestion has failed: algorithm random: ValueError: singular matrix"


async def test_a_search_that_succeeds_forgets_earlier_failures(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    request = await _requested(house)
    with monkeypatch.context() as patch:
        patch.setattr("functions.suggestion.searching.get_algorithm", lambda _: _Broken())
        with pytest.raises(Retry):
            await house.handle(request)

    await house.handle(request)

    async with house.stores.begin() as store:
        suggestion = await store.suggestion("uid-digits")
    assert suggestion is not None
    assert (suggestion.failures, suggestion.error) == (0, "")


async def test_the_end_of_a_search_ends_the_experiment_with_its_last_trial(house: House) -> None:
    first, second = await house.start(**GRID_OF_TWO)

    await house.play(a_finished_trial(first, 0.5, id="end-1"))
    before = (await house.experiment()).phase
    await house.play(a_finished_trial(second, 0.4, id="end-2"))

    experiment = await house.experiment()
    assert (before, experiment.phase) == (Phase.RUNNING, Phase.SUCCEEDED)
    assert experiment.conditions[-1].reason == "ExperimentSuggestionEndReached"
    assert experiment.created_count == 2


async def test_a_finish_during_the_search_asks_again_for_the_slot_that_it_freed(house: House) -> None:
    first, _ = await house.start(maxTrialCount=4)
    (request,) = await house.play(a_finished_trial(first, 0.5), hold=[SuggestionRequested])
    second = await house.trial(2)
    _interrupt(house, lambda: house.handle(a_finished_trial(second, 0.4, id="end-2")))

    announced = await house.handle(request)

    assert [type(event) for event in announced] == [TrialCreated, SuggestionRequested]


async def test_a_request_for_an_unknown_experiment_does_nothing(house: House) -> None:
    assert await house.handle(a_search_request("uid-unknown")) == []
