"""What failed for no fault of its program is tried again as another attempt, and counts as no failure."""

from typing import Any

import pytest

from events.trial import FailureClass, TrialCreated, WorkerChanged, WorkerOutcome
from functions.trial.model import TrialState
from functions.trial.view import to_resource
from tests.builders import EPOCH, a_finished_trial, a_stop, a_tick, a_trial_deletion, seconds
from tests.fakes import House

PREEMPTED: dict[str, Any] = {
    "outcome": WorkerOutcome.FAILED,
    "reason": "Preempted",
    "message": "the host was taken back",
    "exit_code": 143,
}


async def _fail(house: House, id: str = "preempted", **how: Any) -> list[Any]:
    return await house.handle(a_finished_trial(await house.trial(), id=id, **{**PREEMPTED, **how}))


async def test_a_preempted_attempt_is_kept_and_followed_by_another_at_once(house: House) -> None:
    await house.start()
    house.clock.advance(5)

    announced = await _fail(house, ended_at=EPOCH + seconds(5))

    after, experiment = await house.trial(), await house.experiment()
    (kept,) = after.attempts
    assert [event.attempt for event in announced if isinstance(event, TrialCreated)] == [2]
    assert (after.state, after.attempt, after.failure) == (TrialState.PENDING, 2, None)
    assert (kept.attempt, kept.host, kept.failure_class, kept.reason) == (1, "host-a", "Preempted", "Preempted")
    assert (kept.message, kept.started_at, kept.ended_at) == (PREEMPTED["message"], EPOCH, EPOCH + seconds(5))
    assert (experiment.failed, experiment.pending, experiment.running) == (0, 1, 1)


async def test_the_failed_attempts_worker_is_removed_where_a_cluster_holds_it(house: House) -> None:
    trial, _ = await house.start()
    announced = await _fail(house)

    await house.play(*announced, hold=[TrialCreated])

    assert [event.attempt for event in announced if isinstance(event, WorkerChanged)] == [1]
    assert house.target.removed == [(trial.uid, 1)]


async def test_a_lost_removal_of_an_older_attempt_is_asked_for_again(house: House) -> None:
    trial, _ = await house.start()
    await _fail(house)
    house.clock.advance(house.limits.nudge_base_seconds)

    await house.play(a_tick())
    again = await house.play(a_tick("later"), hold=[WorkerChanged])

    assert (trial.uid, 1) in house.target.removed
    assert [event.attempt for event in again if isinstance(event, WorkerChanged)] == []


async def test_an_ended_trial_waits_for_the_removal_of_its_older_attempts(house: House) -> None:
    await house.start()
    await house.play(*await _fail(house), hold=[WorkerChanged])
    house.target.end(await house.trial(), 1)
    await house.handle(a_finished_trial(await house.trial(), id="failed", outcome=WorkerOutcome.FAILED, exit_code=1))
    before = await house.trial()

    house.clock.advance(house.limits.nudge_base_seconds)
    await house.play(a_tick())
    house.clock.advance(house.limits.nudge_cap_seconds)
    await house.play(a_tick("later"))

    after = await house.trial()
    assert (before.leftover, before.removed_at) == ((1,), None)
    assert (after.leftover, after.removed_at is None) == ((), False)
    assert {attempt for uid, attempt in house.target.removed if uid == after.uid} == {1, 2}


async def test_later_attempts_wait_longer_and_longer_and_reconcile_launches_them(house: House) -> None:
    await house.start(maxRetries=5, maxFailedTrialCount=3)
    base, pauses = house.limits.nudge_base_seconds, []
    for attempt in range(1, 6):
        await house.play(*await _fail(house, id=f"preempted-{attempt}"))
        began = house.clock.now
        while (await house.trial()).state != TrialState.RUNNING:
            house.clock.advance(1)
            await house.play(a_tick(f"tick-{house.clock.now}"))
        pauses.append((house.clock.now - began).total_seconds())

    assert pauses == [0, base, 2 * base, 4 * base, 8 * base]
    assert [it.attempt for it in (await house.trial()).attempts] == [1, 2, 3, 4, 5]


async def test_a_redelivered_finish_does_not_shorten_the_pause(house: House) -> None:
    await house.start()
    await house.play(*await _fail(house))
    await _fail(house, id="second")

    announced = await _fail(house, id="second")

    assert TrialCreated not in map(type, announced)


@pytest.mark.parametrize(("retries", "state"), [(0, TrialState.FAILED), (1, TrialState.PENDING)])
async def test_the_experiment_says_how_often(house: House, retries: int, state: TrialState) -> None:
    await house.start(maxRetries=retries)

    await _fail(house)

    assert (await house.trial()).state == state


async def test_the_last_attempt_fails_the_trial_with_its_class(house: House) -> None:
    await house.start(maxRetries=0)

    await _fail(house)

    after = await house.trial()
    status = to_resource(after, await house.experiment()).status
    assert (after.state, after.failure, after.reason) == (TrialState.FAILED, "Preempted", "Preempted")
    assert (status.failure_class, status.attempts) == (FailureClass.PREEMPTED, None)


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ({"reason": "Error", "exit_code": 1}, "UserError"),
        ({"reason": "DeadlineExceeded"}, "Timeout"),
        ({"outcome": WorkerOutcome.REFUSED, "reason": "NoCommand", "exit_code": None}, "LaunchFailed"),
        ({"outcome": WorkerOutcome.SUCCEEDED, "reason": "", "exit_code": 0}, "MetricsUnavailable"),
    ],
    ids=["exit code", "timeout", "refused", "no metrics"],
)
async def test_what_another_attempt_would_not_mend_is_not_tried_again(
    house: House, how: dict[str, Any], kind: str
) -> None:
    await house.start()

    await _fail(house, **how)

    after = await house.trial()
    assert (after.is_active, after.attempt, after.failure) == (False, 1, kind)


async def test_a_stopped_trial_is_not_tried_again_and_has_not_failed(house: House) -> None:
    await house.start()
    await house.handle(a_stop())

    await _fail(house)

    after = await house.trial()
    assert (after.state, after.failure) == (TrialState.KILLED, None)


async def test_a_stop_ends_a_trial_that_waits_for_its_next_attempt(house: House) -> None:
    await house.start()
    await house.play(*await _fail(house))
    await _fail(house, id="second")

    await house.play(a_stop())

    assert (await house.trial()).state == TrialState.KILLED


async def test_a_deletion_ends_a_trial_that_waits_for_its_next_attempt(house: House) -> None:
    await house.start()
    await house.play(*await _fail(house))
    await _fail(house, id="second")

    await house.handle(a_trial_deletion(await house.trial()))

    assert (await house.trial()).state == TrialState.KILLED


async def test_the_trial_began_with_its_first_attempt(house: House) -> None:
    await house.start()
    house.clock.advance(60)
    await house.play(*await _fail(house))

    status = to_resource(await house.trial(), await house.experiment()).status

    assert status.start_time == EPOCH
    assert [it.attempt for it in status.attempts or ()] == [1]
