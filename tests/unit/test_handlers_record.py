"""metric.reported: points are recorded where the cursor stands, exactly once, and a poor Trial is stopped."""

from typing import Any

import pytest

from events.objective import EarlyStoppingRule
from events.trial import TrialStopRequested
from functions.trial.model import StopReason, TrialState
from tests.builders import a_finished_trial, a_range, a_report
from tests.fakes import House

MEDIANSTOP = {"earlyStopping": {"algorithmName": "medianstop"}}
POOR = EarlyStoppingRule(name="loss", value="0.3", comparison="greater", start_step=2)


async def _values(house: House, number: int = 1) -> list[str]:
    trial = await house.trial(number)
    return [point.value for point in await house.reader.points(trial.uid, trial.log_source)]


async def test_a_range_at_the_cursor_is_stored_folded_and_moves_the_cursor(house: House) -> None:
    trial, _ = await house.start()

    await house.handle(a_report(trial, a_range(0.5, 0.3)))

    after = await house.trial()
    assert await _values(house) == ["0.5", "0.3"]
    assert (after.cursor, after.fold.metrics["loss"].min) == (20, "0.3")


async def test_a_gap_is_not_skipped(house: House) -> None:
    trial, _ = await house.start()

    await house.handle(a_report(trial, a_range(0.3, start=10)))

    assert await _values(house) == []
    assert (await house.trial()).cursor == 0


async def test_a_range_behind_a_gap_is_recorded_once_the_gap_is_closed(house: House) -> None:
    trial, _ = await house.start()
    late, early = a_report(trial, a_range(0.3, start=10)), a_report(trial, a_range(0.5), id="early")

    for event in (late, early, late):
        await house.handle(event)

    assert await _values(house) == ["0.5", "0.3"]


async def test_of_an_overlapping_range_only_what_follows_the_cursor_is_new(house: House) -> None:
    trial, _ = await house.start()
    await house.handle(a_report(trial, a_range(0.5, 0.4)))

    await house.handle(a_report(trial, a_range(9, 8, 0.3), id="overlaps"))

    after = await house.trial()
    assert await _values(house) == ["0.5", "0.4", "0.3"]
    assert (after.cursor, after.fold.metrics["loss"].max, after.fold.metrics["loss"].count) == (30, "0.5", 3)


async def test_an_older_attempt_changes_nothing(house: House) -> None:
    trial, _ = await house.start()
    await house.change(attempt=2)
    before = house.rows()

    announced = await house.handle(a_report(trial, a_range(0.5), attempt=1))

    assert announced == []
    assert house.rows() == before


async def test_an_ended_trial_never_changes(house: House) -> None:
    trial, _ = await house.start()
    await house.handle(a_finished_trial(trial, 0.5))
    before = house.rows()

    await house.handle(a_report(trial, a_range(0.1, start=10)))

    assert house.rows() == before


async def test_a_newer_source_is_read_from_its_beginning(house: House) -> None:
    trial, _ = await house.start()
    await house.handle(a_report(trial, a_range(0.1, 0.2)))

    await house.handle(a_report(trial, a_range(0.9, source="second pod"), id="newer"))

    after = await house.trial()
    assert await _values(house) == ["0.9"]
    assert (after.log_source, after.cursor, after.fold.metrics["loss"].min) == ("second pod", 10, "0.9")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 2, 0, 1)])
async def test_pushed_points_are_complete_in_any_order(house: House, order: tuple[int, ...]) -> None:
    trial, _ = await house.start()
    pushed = {"source": "pusher", "pushed": True}
    reports = [a_report(trial, a_range(value, start=at, end=at + 1, **pushed)) for at, value in enumerate((3, 1, 2))]

    await house.handle(a_finished_trial(trial, log_source="pusher", log_end=3))
    for index in order:
        await house.handle(reports[index])

    after = await house.trial()
    assert after.state == TrialState.SUCCEEDED
    assert await _values(house) == ["3", "1", "2"]
    metric = after.fold.metrics["loss"]
    assert (metric.min, metric.max, metric.latest) == ("1", "3", "2")


async def test_a_late_push_is_kept_for_display_and_changes_no_result(house: House) -> None:
    trial, _ = await house.start()
    await house.handle(a_report(trial, a_range(0.5, end=1, source="pusher", pushed=True)))
    await house.handle(a_finished_trial(trial, log_source="pusher", log_end=1))

    await house.handle(a_report(trial, a_range(0.1, start=1, end=2, source="pusher", pushed=True), id="late"))

    assert (await house.trial()).value == 0.5
    assert await _values(house) == ["0.5", "0.1"]


async def test_the_last_missing_range_closes_a_settling_trial(house: House) -> None:
    trial, _ = await house.start()
    await house.handle(a_finished_trial(trial, log_end=20))
    waiting = (await house.trial()).state

    await house.handle(a_report(trial, a_range(0.5, 0.4)))

    after = await house.trial()
    assert (waiting, after.state, after.value) == (TrialState.SETTLING, TrialState.SUCCEEDED, 0.4)


async def test_a_trial_that_does_poorly_is_asked_to_stop(house: House) -> None:
    trial, _ = await house.start(**MEDIANSTOP)
    await house.change(rules=(POOR,))

    early = await house.handle(a_report(trial, a_range(0.9)))
    announced = await house.handle(a_report(trial, a_range(0.8, start=10), id="second"))

    assert early == []
    assert [type(event) for event in announced] == [TrialStopRequested]
    after = await house.trial()
    assert after.stop_reason == StopReason.EARLY_STOPPED
    assert after.message == "Trial is early stopped: loss is greater than 0.3 at report 2"


@pytest.mark.parametrize("values", [(0.9, 0.2), (0.3, 0.3), ("nan", "nan")], ids=["better", "equal", "no number"])
async def test_a_trial_that_does_well_enough_goes_on(house: House, values: tuple[Any, ...]) -> None:
    trial, _ = await house.start(**MEDIANSTOP)
    await house.change(rules=(POOR,))

    announced = await house.handle(a_report(trial, a_range(*values)))

    assert announced == []
    assert (await house.trial()).stop_reason is None


async def test_every_rule_must_hold(house: House) -> None:
    trial, _ = await house.start(**MEDIANSTOP)
    never = EarlyStoppingRule(name="loss", value="100", comparison="greater", start_step=1)
    await house.change(rules=(POOR, never))

    assert await house.handle(a_report(trial, a_range(0.9, 0.8))) == []


async def test_points_of_an_unknown_trial_are_nobodys(house: House) -> None:
    trial, _ = await house.start(**MEDIANSTOP)
    stranger = trial.ref.replace(number=9)

    assert await house.handle(a_report(trial, a_range(0.5), trial=stranger)) == []
