"""worker.changed: look at the Worker, read its log on, and say each thing once."""

from collections.abc import Sequence
from typing import Any

import pytest

from events.envelope import Event
from events.observation import MetricReported
from events.trial import TrialFinished, WorkerOutcome
from functions.trial.model import Trial, TrialState
from tests.builders import a_change, a_finished_trial, a_stop, seconds
from tests.fakes import House


def _ranges(announced: Sequence[Event]) -> list[tuple[int, int]]:
    return [(it.range.start, it.range.end) for it in announced if isinstance(it, MetricReported)]


async def _running(house: House, **manifest: Any) -> Trial:
    return (await house.start(**manifest))[0]


async def test_ranges_follow_each_other(house: House) -> None:
    trial = await _running(house)
    looks = []
    for line in ("loss=0.5\n", "loss=0.4\n", "loss=0.3\n"):
        house.target.write(trial, line)
        looks += _ranges(await house.handle(a_change(trial)))

    assert looks == [(0, 9), (9, 18), (18, 27)]
    assert house.target.reads == [0, 9, 18]


async def test_what_was_just_published_is_not_published_again(house: House) -> None:
    trial = await _running(house)
    house.target.write(trial, "loss=0.5\n")
    await house.handle(a_change(trial))
    house.clock.advance(house.limits.reread_grace_seconds - 1)

    assert await house.handle(a_change(trial)) == []


async def test_a_range_that_was_never_recorded_is_published_again_after_the_grace(house: House) -> None:
    trial = await _running(house)
    house.target.write(trial, "loss=0.5\n")
    first = await house.handle(a_change(trial))
    house.clock.advance(house.limits.reread_grace_seconds)

    again = await house.handle(a_change(trial))

    assert _ranges(again) == _ranges(first) == [(0, 9)]


async def test_a_range_that_was_recorded_is_never_published_again(house: House) -> None:
    trial = await _running(house)
    house.target.write(trial, "loss=0.5\n")
    await house.play(a_change(trial))
    house.clock.advance(house.limits.reread_grace_seconds)

    assert await house.handle(a_change(trial)) == []


async def test_a_new_process_reads_from_the_stored_cursor(house: House) -> None:
    trial = await _running(house)
    house.target.write(trial, "loss=0.5\n")
    await house.play(a_change(trial))
    house.target.write(trial, "loss=0.4\n")
    house.restart()

    assert _ranges(await house.handle(a_change(trial))) == [(9, 18)]


async def test_an_unfinished_line_waits_for_its_end(house: House) -> None:
    trial = await _running(house)
    house.target.write(trial, "loss=0.5\nloss=0.")
    looks = _ranges(await house.handle(a_change(trial)))
    house.target.write(trial, "25\n")

    looks += _ranges(await house.handle(a_change(trial)))

    assert looks == [(0, 9), (9, 19)]


async def test_lines_without_metrics_are_not_reported(house: House) -> None:
    trial = await _running(house)
    house.target.write(trial, "loading data\n" * 100)

    assert await house.handle(a_change(trial)) == []


async def test_an_ended_worker_finishes_its_trial_with_the_last_range_and_the_end_of_its_log(house: House) -> None:
    trial = await _running(house)
    house.target.write(trial, "loss=0.5\nbye")
    house.target.end(trial)

    (finished,) = await house.handle(a_change(trial))

    assert isinstance(finished, TrialFinished)
    assert (finished.outcome, finished.exit_code, finished.log_end) == (WorkerOutcome.SUCCEEDED, 0, 12)
    assert finished.last_range is not None
    assert [point.value for point in finished.last_range.points] == ["0.5"]


async def test_an_ended_worker_is_announced_once_a_grace(house: House) -> None:
    trial = await _running(house)
    house.target.end(trial, exit_code=3)
    first = await house.handle(a_change(trial))
    soon = await house.handle(a_change(trial))
    house.clock.advance(house.limits.reread_grace_seconds)
    late = await house.handle(a_change(trial))

    assert [len(first), len(soon), len(late)] == [1, 0, 1]


async def test_a_settling_trial_is_read_to_its_end_and_not_finished_again(house: House) -> None:
    trial = await _running(house)
    house.target.write(trial, "loss=0.5\n")
    house.target.end(trial)
    await house.handle(a_finished_trial(trial, log_end=9))

    announced = await house.handle(a_change(trial))

    assert [type(event) for event in announced] == [MetricReported]
    assert (await house.trial()).state == TrialState.SETTLING


@pytest.mark.parametrize(("apart", "outcomes"), [(14, []), (15, [WorkerOutcome.LOST])])
async def test_a_worker_is_lost_when_it_is_missing_twice_a_grace_apart(
    house: House, apart: float, outcomes: list[WorkerOutcome]
) -> None:
    trial = await _running(house)
    house.target.lose(trial)
    first = await house.handle(a_change(trial))
    house.clock.advance(apart)

    second = await house.handle(a_change(trial))

    assert first == []
    assert [event.outcome for event in second if isinstance(event, TrialFinished)] == outcomes


async def test_a_worker_that_is_seen_between_two_absences_is_not_lost(house: House) -> None:
    trial = await _running(house)
    state = house.target.states[trial.uid, 1]
    house.target.lose(trial)
    await house.handle(a_change(trial))
    house.target.states[trial.uid, 1] = state
    await house.handle(a_change(trial))
    house.target.lose(trial)
    house.clock.advance(house.limits.missing_grace_seconds)

    assert await house.handle(a_change(trial)) == []


async def test_a_successful_look_ends_reconciles_doubts(house: House) -> None:
    trial = await _running(house)
    await house.change(nudges=3)

    await house.handle(a_change(trial))

    after = await house.trial()
    assert after.nudges == 0
    assert after.due_at == house.clock.now + seconds(house.limits.nudge_base_seconds)


async def test_a_worker_of_an_older_attempt_is_removed(house: House) -> None:
    trial = await _running(house)
    await house.change(attempt=2)

    announced = await house.handle(a_change(trial, attempt=1))

    assert announced == []
    assert house.target.removed == [(trial.uid, 1)]
    assert (await house.trial()).removed_at is None


async def test_the_worker_of_an_ended_trial_is_removed_and_never_looked_for_again(house: House) -> None:
    trial = await _running(house)
    await house.handle(a_finished_trial(trial, 0.5))

    await house.handle(a_change(trial))
    await house.handle(a_change(trial, id="again"))

    assert house.target.removed == [(trial.uid, 1)]
    assert (await house.trial()).removed_at == house.clock.now


async def test_a_stopped_worker_that_vanished_is_not_looked_for_for_ever(house: House) -> None:
    trial = await _running(house)
    await house.play(a_stop())
    house.target.lose(trial)
    await house.handle(a_change(trial))
    house.clock.advance(house.limits.missing_grace_seconds)

    await house.play(a_change(trial))

    assert (await house.trial()).state == TrialState.KILLED


async def test_a_log_that_began_anew_is_read_from_its_beginning(house: House) -> None:
    trial = await _running(house)
    await house.change(log_source="another pod", cursor=500)
    house.target.write(trial, "loss=0.5\n")

    (reported,) = await house.handle(a_change(trial))

    assert isinstance(reported, MetricReported)
    assert (reported.range.source, reported.range.start, reported.range.end) == ("log", 0, 9)
