"""trial.finished: an outcome is folded into its Trial and its Experiment once, whatever comes before or after it."""

from typing import Any

import pytest

from events.experiment import ExperimentFinished
from events.suggestion import SuggestionRequested
from events.trial import TrialCreated, WorkerOutcome
from functions.experiment.reasons import Phase
from functions.trial.model import StopReason, TrialState
from tests.builders import EPOCH, a_finished_trial, a_range, a_report, a_stop, a_tick, seconds
from tests.fakes import House

LOST: dict[str, Any] = {"outcome": WorkerOutcome.LOST, "log_end": None, "log_source": ""}


async def test_a_finished_trial_counts_and_asks_for_its_successor(house: House) -> None:
    trial, _ = await house.start()

    announced = await house.handle(a_finished_trial(trial, 0.5, 0.25))

    experiment, after = await house.experiment(), await house.trial()
    assert SuggestionRequested in map(type, announced)
    assert (after.state, after.value, after.seq) == (TrialState.SUCCEEDED, 0.25, 1)
    assert (experiment.succeeded, experiment.running, experiment.optimal_value) == (1, 1, 0.25)


async def test_what_the_object_says_of_its_success_is_kept(house: House) -> None:
    trial, _ = await house.start()

    await house.handle(a_finished_trial(trial, 0.5, reason="CompletionsReached", message="done"))

    after = await house.trial()
    assert (after.state, after.reason, after.message) == (TrialState.SUCCEEDED, "CompletionsReached", "done")


async def test_the_last_finish_ends_the_experiment(house: House) -> None:
    trials = await house.start(maxTrialCount=2)

    announced = [await house.handle(a_finished_trial(it, it.number, id=f"end-{it.number}")) for it in trials]

    experiment = await house.experiment()
    assert ExperimentFinished not in map(type, announced[0])
    assert ExperimentFinished in map(type, announced[1])
    assert (experiment.phase, experiment.optimal_value) == (Phase.SUCCEEDED, 1)
    assert experiment.conditions[-1].reason == "ExperimentMaxTrialsReached"


async def test_the_goal_ends_the_experiment_and_lets_running_trials_end(house: House) -> None:
    objective = {"type": "minimize", "objectiveMetricName": "loss", "goal": 0.1}
    first, second = await house.start(objective=objective)
    await house.handle(a_finished_trial(first, 0.1))

    await house.handle(a_finished_trial(second, 0.05, id="late"))

    experiment = await house.experiment()
    assert experiment.conditions[-1].reason == "ExperimentGoalReached"
    assert (experiment.completion, experiment.succeeded, experiment.optimal_value) == (1, 2, 0.05)


async def test_a_lost_worker_is_launched_again_and_what_it_reported_is_forgotten(house: House) -> None:
    trial, _ = await house.start()
    await house.handle(a_report(trial, a_range(0.1)))

    announced = await house.handle(a_finished_trial(trial, **LOST))

    after = await house.trial()
    assert [(type(event), event.attempt) for event in announced if isinstance(event, TrialCreated)] == [
        (TrialCreated, 2)
    ]
    assert (after.state, after.attempt, after.cursor, after.fold.metrics) == (TrialState.PENDING, 2, 0, {})


async def test_a_worker_that_is_lost_too_often_fails_its_trial(house: House) -> None:
    trial, _ = await house.start(maxFailedTrialCount=2)
    for attempt in range(1, house.limits.max_attempts + 1):
        trial = await house.trial()
        assert trial.attempt == attempt
        await house.play(a_finished_trial(trial, id=f"lost-{attempt}", **LOST))
        house.clock.advance(house.limits.nudge_cap_seconds)
        await house.play(a_tick(f"tick-{attempt}"))

    after = await house.trial()
    assert len([key for key in house.target.launched if key[0] == trial.uid]) == house.limits.max_attempts
    assert (after.state, after.reason) == (TrialState.FAILED, "WorkerLost")


async def test_a_worker_that_is_lost_after_the_end_is_not_launched_again(house: House) -> None:
    trial, _ = await house.start()
    await house.handle(a_stop())

    await house.handle(a_finished_trial(trial, **LOST))

    assert (await house.trial()).state == TrialState.KILLED


async def test_an_outcome_of_an_older_attempt_changes_nothing(house: House) -> None:
    trial, _ = await house.start()
    await house.play(a_finished_trial(trial, **LOST))
    before = house.rows()

    await house.handle(a_finished_trial(trial, 0.1, id="zombie", attempt=1))

    assert house.rows() == before


async def test_the_first_outcome_stands(house: House) -> None:
    trial, _ = await house.start()
    await house.handle(a_finished_trial(trial, 0.5))

    await house.handle(a_finished_trial(trial, 0.1, id="second", outcome=WorkerOutcome.FAILED))

    after = await house.trial()
    assert (after.state, after.value) == (TrialState.SUCCEEDED, 0.5)


@pytest.mark.parametrize(
    ("reason", "ended_after", "state"),
    [
        (StopReason.KILLED, -1, TrialState.SUCCEEDED),
        (StopReason.KILLED, 1, TrialState.KILLED),
        (StopReason.EARLY_STOPPED, -1, TrialState.SUCCEEDED),
        (StopReason.EARLY_STOPPED, 1, TrialState.EARLY_STOPPED),
    ],
)
async def test_success_counts_before_the_stop_was_sent_and_the_reason_after_it(
    house: House, reason: StopReason, ended_after: float, state: TrialState
) -> None:
    trial, _ = await house.start()
    sent_at = EPOCH + seconds(60)
    await house.change(stop_reason=reason, stop_sent_at=sent_at)

    await house.handle(a_finished_trial(trial, 0.5, ended_at=sent_at + seconds(ended_after)))

    assert (await house.trial()).state == state


async def test_success_counts_when_the_stop_was_never_sent(house: House) -> None:
    trial, _ = await house.start()
    await house.change(stop_reason=StopReason.KILLED)

    await house.handle(a_finished_trial(trial, 0.5))

    assert (await house.trial()).state == TrialState.SUCCEEDED


@pytest.mark.parametrize("reason", StopReason)
async def test_a_stopped_workers_exit_code_does_not_matter(house: House, reason: StopReason) -> None:
    trial, _ = await house.start()
    await house.change(stop_reason=reason, stop_sent_at=EPOCH)

    await house.handle(a_finished_trial(trial, 0.5, outcome=WorkerOutcome.FAILED, exit_code=143))

    assert (await house.trial()).state == TrialState(reason.value)


async def test_early_stopped_without_an_objective_is_metrics_unavailable(house: House) -> None:
    trial, _ = await house.start()
    await house.change(stop_reason=StopReason.EARLY_STOPPED, stop_sent_at=EPOCH)

    await house.handle(a_finished_trial(trial, log_end=0))

    assert (await house.trial()).state == TrialState.METRICS_UNAVAILABLE


@pytest.mark.parametrize("values", [(), ("nan",), ("inf",), ("-inf", "NaN")], ids=["nothing", "nan", "inf", "both"])
async def test_success_without_a_finite_objective_is_metrics_unavailable(house: House, values: tuple[str, ...]) -> None:
    trial, _ = await house.start()

    await house.handle(a_finished_trial(trial, *values))

    experiment, after = await house.experiment(), await house.trial()
    assert (after.state, after.message) == (TrialState.METRICS_UNAVAILABLE, "Metrics are not available")
    assert (experiment.metrics_unavailable, experiment.optimal) == (1, None)


async def test_too_many_bad_trials_fail_the_experiment(house: House) -> None:
    first, second = await house.start(maxFailedTrialCount=2)

    await house.handle(a_finished_trial(first, outcome=WorkerOutcome.FAILED))
    before = (await house.experiment()).phase
    await house.handle(a_finished_trial(second, id="end-2"))

    assert (before, (await house.experiment()).phase) == (Phase.RUNNING, Phase.FAILED)


async def test_a_finish_whose_metrics_are_on_their_way_waits_without_retrying(house: House) -> None:
    trial, _ = await house.start()

    await house.handle(a_finished_trial(trial, log_end=100))

    experiment, after = await house.experiment(), await house.trial()
    assert after.state == TrialState.SETTLING
    assert after.settle_until == EPOCH + seconds(house.limits.settle_grace_seconds)
    assert after.due_at == EPOCH + seconds(house.limits.nudge_base_seconds)
    assert experiment.running == 2


async def test_reconcile_closes_a_settling_trial_at_its_deadline_with_what_is_there(house: House) -> None:
    trial, _ = await house.start()
    await house.handle(a_report(trial, a_range(0.5)))
    await house.handle(a_finished_trial(trial, log_end=100))
    house.clock.advance(house.limits.settle_grace_seconds)

    await house.play(a_tick())

    after = await house.trial()
    assert (after.state, after.value) == (TrialState.SUCCEEDED, 0.5)


async def test_a_backlog_of_metrics_is_waited_for_as_long_as_it_moves(house: House) -> None:
    trial, _ = await house.start()
    await house.handle(a_report(trial, a_range(0.5, end=1)))
    await house.handle(a_finished_trial(trial, log_end=3))
    house.clock.advance(house.limits.settle_grace_seconds - 1)
    await house.handle(a_report(trial, a_range(0.4, start=1, end=2), id="late"))
    house.clock.advance(house.limits.settle_grace_seconds - 1)
    await house.play(a_tick())

    waiting = (await house.trial()).state
    await house.handle(a_report(trial, a_range(0.3, start=2, end=3), id="later"))

    after = await house.trial()
    assert (waiting, after.state, after.value) == (TrialState.SETTLING, TrialState.SUCCEEDED, 0.3)


async def test_a_settling_trial_whose_metrics_never_come_says_how_far_its_log_was_read(house: House) -> None:
    trial, _ = await house.start()
    await house.handle(a_finished_trial(trial, log_end=100))
    house.clock.advance(house.limits.settle_grace_seconds)

    await house.play(a_tick())

    after = await house.trial()
    assert after.state == TrialState.METRICS_UNAVAILABLE
    assert after.message == "Metrics are not available: the log was read to 0 of 100"


async def test_a_finish_is_taken_from_a_trial_that_nobody_noted_as_running(house: House) -> None:
    trial, _ = await house.start()
    await house.change(state=TrialState.LAUNCHING)
    async with house.stores.begin() as store:
        experiment = await store.experiment((await house.experiment()).ref, lock=True)
        assert experiment is not None
        experiment.count_move(TrialState.RUNNING, TrialState.LAUNCHING)

    await house.handle(a_finished_trial(trial, 0.5))

    experiment = await house.experiment()
    assert (experiment.succeeded, experiment.pending, experiment.running) == (1, 0, 1)


async def test_a_failed_trial_keeps_what_its_worker_said(house: House) -> None:
    trial, _ = await house.start()
    words = {"reason": "OOMKilled", "message": "out of memory"}

    await house.handle(a_finished_trial(trial, outcome=WorkerOutcome.FAILED, exit_code=137, **words))

    after = await house.trial()
    assert (after.state, after.reason, after.message) == (TrialState.FAILED, "OOMKilled", "out of memory")


async def test_an_objective_that_ties_keeps_the_earlier_optimum(house: House) -> None:
    first, second = await house.start()
    await house.handle(a_finished_trial(second, 0.5))
    await house.handle(a_finished_trial(first, 0.5, id="tie"))

    optimal = (await house.experiment()).optimal
    assert optimal is not None
    assert optimal.best_trial_name == second.name


async def test_a_finish_of_an_unknown_trial_is_nobodys(house: House) -> None:
    trial, _ = await house.start()

    assert await house.handle(a_finished_trial(trial, 0.5, trial=trial.ref.replace(number=9))) == []


async def test_a_worker_that_pushes_may_end_before_its_last_push_arrives(house: House) -> None:
    trial, _ = await house.start(metricsCollectorSpec={"collector": {"kind": "Push"}})

    await house.handle(a_finished_trial(trial, log_source="", log_end=None))
    waiting = await house.trial()
    await house.handle(a_report(trial, a_range(end=1, start=1, source="pusher", pushed=True, is_last=True)))
    gappy = await house.trial()
    await house.handle(a_report(trial, a_range(0.5, end=1, source="pusher", pushed=True)))

    assert waiting.state == gappy.state == TrialState.SETTLING
    assert ((await house.trial()).state, (await house.trial()).value) == (TrialState.SUCCEEDED, 0.5)


async def test_a_push_trial_waits_for_every_source_that_has_begun(house: House) -> None:
    trial, _ = await house.start(metricsCollectorSpec={"collector": {"kind": "Push"}})
    ends = [a_range(end=1, start=1, source=rank, pushed=True, is_last=True) for rank in ("rank-0", "rank-1")]
    for rank, value in (("rank-0", 0.5), ("rank-1", 0.25)):
        await house.handle(a_report(trial, a_range(value, end=1, source=rank, pushed=True), id=rank))
    await house.handle(a_finished_trial(trial, log_source="", log_end=None))

    await house.handle(a_report(trial, ends[0], id="end-0"))
    waiting = await house.trial()
    await house.handle(a_report(trial, ends[1], id="end-1"))

    ended = await house.trial()
    assert waiting.state == TrialState.SETTLING
    assert (ended.state, ended.fold.metrics["loss"].min, ended.fold.metrics["loss"].max) == (
        TrialState.SUCCEEDED,
        "0.25",
        "0.5",
    )


async def test_a_worker_that_pushed_and_never_said_how_much_ends_after_the_grace(house: House) -> None:
    trial, _ = await house.start(metricsCollectorSpec={"collector": {"kind": "Push"}})
    await house.handle(a_report(trial, a_range(0.5, end=1, source="pusher", pushed=True)))
    await house.handle(a_finished_trial(trial, log_source="", log_end=None))
    waiting = (await house.trial()).state

    house.clock.advance(60)
    await house.handle(a_tick())

    assert (waiting, (await house.trial()).state) == (TrialState.SETTLING, TrialState.SUCCEEDED)


async def test_a_worker_that_never_pushes_is_without_metrics_after_the_grace(house: House) -> None:
    trial, _ = await house.start(metricsCollectorSpec={"collector": {"kind": "Push"}})
    await house.handle(a_finished_trial(trial, log_source="", log_end=None))

    house.clock.advance(60)
    await house.handle(a_tick())

    assert (await house.trial()).state == TrialState.METRICS_UNAVAILABLE
