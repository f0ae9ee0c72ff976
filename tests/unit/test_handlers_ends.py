"""How an Experiment ends by the budgets of Kuttab's own, and what becomes of the Workers that run then."""

from typing import Any

import pytest

from events.envelope import Event
from events.experiment import ExperimentFinished
from events.suggestion import SuggestionRequested
from events.trial import TrialStopRequested
from functions.experiment.reasons import Phase
from functions.trial.model import TrialState
from tests.builders import EPOCH, a_created_event, a_finished_trial, a_tick, an_edit, seconds
from tests.fakes import House

GOAL: dict[str, Any] = {"objective": {"type": "minimize", "objectiveMetricName": "loss", "goal": 0.1}}


async def _reason(house: House) -> str:
    return (await house.experiment()).conditions[-1].reason


async def test_time_ends_an_experiment_without_any_event(house: House) -> None:
    await house.start(maxDurationSeconds=100)
    house.clock.advance(99)
    await house.handle(a_tick("early"))
    before = (await house.experiment()).phase
    house.clock.advance(1)

    announced = await house.handle(a_tick("late"))

    experiment = await house.experiment()
    assert (before, experiment.phase, await _reason(house)) == (
        Phase.RUNNING,
        Phase.SUCCEEDED,
        "ExperimentMaxDurationReached",
    )
    assert ExperimentFinished in map(type, announced)
    assert experiment.completed_at == EPOCH + seconds(100)


async def test_time_ends_an_experiment_whose_search_never_answers(house: House) -> None:
    await house.play(a_created_event(maxDurationSeconds=15), hold=[SuggestionRequested])
    house.clock.advance(15)

    await house.handle(a_tick())

    assert await _reason(house) == "ExperimentMaxDurationReached"


async def test_a_search_that_is_over_time_creates_no_trial(house: House) -> None:
    (request,) = await house.play(a_created_event(maxDurationSeconds=15), hold=[SuggestionRequested])
    house.clock.advance(15)

    await house.play(request)

    experiment = await house.experiment()
    assert (experiment.created_count, await _reason(house)) == (0, "ExperimentMaxDurationReached")


async def test_a_restart_has_its_own_time(house: House) -> None:
    trials = await house.start(maxDurationSeconds=100, maxTrialCount=2, resumePolicy="LongRunning")
    await house.play(*(a_finished_trial(it, 0.5, id=f"end-{it.number}") for it in trials))
    house.clock.advance(1_000)
    await house.play(an_edit(most=3))
    restarted = (await house.experiment()).phase
    house.clock.advance(100)

    await house.play(a_tick())

    assert (restarted, await _reason(house)) == (Phase.RUNNING, "ExperimentMaxDurationReached")


async def _finish(house: House, *losses: float) -> None:
    """Let Trials end one after another with these losses."""
    for loss in losses:
        active = [it for it in await house.trials() if it.is_active]
        await house.play(a_finished_trial(active[0], loss, id=f"end-{active[0].number}"))


async def test_results_that_are_no_better_end_the_experiment(house: House) -> None:
    await house.start(maxTrialCount=20, maxTrialsWithoutImprovement=3)
    await _finish(house, 0.5, 0.6, 0.5, 0.4, 0.4, 0.9)
    before = (await house.experiment()).phase

    await _finish(house, 0.41)

    assert (before, await _reason(house)) == (Phase.RUNNING, "ExperimentNoImprovement")


async def test_failures_say_nothing_about_improvement(house: House) -> None:
    await house.start(maxTrialCount=20, maxTrialsWithoutImprovement=1)
    await _finish(house, 0.5)
    active = [it for it in await house.trials() if it.is_active]

    await house.play(a_finished_trial(active[0], id="bad", outcome="Failed"))

    assert (await house.experiment()).phase == Phase.RUNNING


async def _reach_goal(house: House, **spec: Any) -> list[Event]:
    trial, _ = await house.start(**GOAL, **spec)
    ended = await house.play(a_finished_trial(trial, 0.05), hold=[ExperimentFinished])
    return await house.play(*ended, hold=[TrialStopRequested])


@pytest.mark.parametrize("spec", [{}, {"onComplete": "drain"}], ids=["default", "drain"])
async def test_workers_run_on_after_the_end(house: House, spec: dict[str, Any]) -> None:
    held = await _reach_goal(house, **spec)

    assert (held, (await house.trial(2)).state) == ([], TrialState.RUNNING)


async def test_workers_are_stopped_at_the_end_where_the_experiment_says_so(house: House) -> None:
    held = await _reach_goal(house, onComplete="stop")
    await house.play(*held)
    second = await house.trial(2)
    house.target.end(second, 143)

    await house.play(a_finished_trial(second, id="stopped", outcome="Failed", exit_code=143))

    experiment = await house.experiment()
    assert house.target.stopped == [(second.uid, 1)]
    assert ((await house.trial(2)).state, experiment.killed) == (TrialState.KILLED, 1)
    assert (experiment.phase, experiment.completion) == (Phase.SUCCEEDED, 1)


async def test_a_stop_that_a_broker_lost_is_found_by_reconcile(house: House) -> None:
    await _reach_goal(house, onComplete="stop")

    announced = await house.handle(a_tick())

    assert TrialStopRequested in map(type, announced)


async def test_a_restart_before_the_conclusion_stops_nothing(house: House) -> None:
    trials = await house.start(maxTrialCount=2, resumePolicy="LongRunning", onComplete="stop")
    ended = await house.play(
        *(a_finished_trial(it, 0.5, id=f"end-{it.number}") for it in trials), hold=[ExperimentFinished]
    )
    await house.play(an_edit(most=4))

    assert await house.play(*ended) == []
    assert house.target.stopped == []
