"""Edges of the protocol: what overtakes, what is very long, what is stopped at the wrong moment."""

import pytest

from events.observation import MetricReported
from events.trial import TrialFinished, WorkerOutcome
from functions.experiment.reasons import Phase
from functions.trial.model import StopReason, TrialState
from functions.worker import LogChunk, LogLine, Worker, WorkerPhase, WorkerState
from tests.builders import (
    a_change,
    a_created_event,
    a_finished_trial,
    a_launch_request,
    a_range,
    a_reference,
    a_report,
    a_stop,
    a_stop_request,
    a_tick,
    seconds,
)
from tests.fakes import FakeTarget, House

CHUNK = 100
CHUNKS = 100


class LongLog:
    """A log of many chunks, whose only number is in its last one."""

    async def read_log(self, worker: Worker, start: int, *, is_over: bool) -> LogChunk:
        nth = start // CHUNK
        text = "loss=0.25" if nth == CHUNKS - 1 else "step"
        lines = (LogLine(start, text),) if nth < CHUNKS else ()
        end = min(start + CHUNK, CHUNKS * CHUNK)
        return LogChunk("log", start, end, lines, has_more=end < CHUNKS * CHUNK)


async def test_a_very_long_log_is_read_to_its_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = (await house.start())[0]
    monkeypatch.setattr(FakeTarget, "read_log", LongLog.read_log)
    house.target.states[trial.uid, 1] = WorkerState(WorkerPhase.SUCCEEDED, 0)

    for look in range(4):
        for event in await house.handle(a_change(trial, id=f"look-{look}")):
            if isinstance(event, MetricReported | TrialFinished):
                await house.handle(event)

    after = await house.trial()
    assert (after.state, after.value) == (TrialState.SUCCEEDED, 0.25)


async def test_a_last_range_that_overtakes_counts(house: House) -> None:
    trial = (await house.start())[0]
    first, last = a_range(0.5, start=0, end=10), a_range(0.1, start=10, end=20)

    await house.handle(a_finished_trial(trial, last_range=last, log_source="log", log_end=20))
    await house.handle(a_report(trial, first))

    after = await house.trial()
    assert (after.state, after.value) == (TrialState.SUCCEEDED, 0.1)


async def test_what_a_failed_trial_reported_is_no_result(house: House) -> None:
    trial = (await house.start())[0]

    await house.handle(a_finished_trial(trial, 0.001, outcome=WorkerOutcome.FAILED))

    after = await house.trial()
    assert (after.state, after.value) == (TrialState.FAILED, None)
    assert after.fold.metrics["loss"].latest == "0.001"


async def test_a_launch_that_comes_again_after_the_stop_starts_nothing(house: House) -> None:
    trial = (await house.start())[0]
    event = a_launch_request(trial)
    state = {"state": TrialState.LAUNCHING, "claimed_by": event.id, "stop_reason": StopReason.KILLED}
    await house.change(**state)
    launched = list(house.target.launched)

    await house.handle(event)

    assert house.target.launched == launched
    assert (await house.trial()).state == TrialState.KILLED


async def test_a_stop_ends_a_launch_whose_launcher_is_gone(house: House) -> None:
    trial = (await house.start())[0]
    await house.change(state=TrialState.LAUNCHING, stop_reason=StopReason.KILLED, lease_until=house.clock.now)

    await house.handle(a_stop_request(trial))

    after = await house.trial()
    assert (after.state, after.removed_at) == (TrialState.KILLED, None)


async def test_a_stop_reaches_trials_that_outlive_their_experiment(house: House) -> None:
    objective = {"type": "minimize", "objectiveMetricName": "loss", "goal": 0.1}
    first, _ = await house.start(objective=objective)
    await house.handle(a_finished_trial(first, 0.05))

    await house.handle(a_stop())

    assert (await house.experiment()).phase == Phase.SUCCEEDED
    assert (await house.trial(2)).stop_reason == StopReason.KILLED


async def test_an_external_trial_ends_when_its_template_says(house: House) -> None:
    spec = {"timeoutSeconds": 30, "parameters": ["${trialParameters.x}"]}
    await house.play(a_created_event(kind="External"))
    async with house.stores.begin() as store:
        experiment = await store.experiment(a_reference(), lock=True)
        assert experiment is not None
        template = experiment.spec.trial_template
        assert template is not None
        manifest = {**(template.trial_spec or {}), "spec": spec}
        experiment.spec = experiment.spec.replace(trial_template=template.replace(trial_spec=manifest))

    house.clock.advance(31)
    await house.handle(a_tick())

    after = await house.trial()
    assert (after.state, after.reason) == (TrialState.FAILED, "DeadlineExceeded")
    assert after.message == "no result within 30 s"


@pytest.mark.parametrize("skew", [-3600, 3600])
async def test_a_host_whose_clock_is_wrong_changes_no_outcome(house: House, skew: int) -> None:
    trial = (await house.start())[0]
    await house.change(stop_reason=StopReason.KILLED, stop_sent_at=house.clock.now - seconds(10))
    now = house.clock.now + seconds(skew)
    ended = {"ended_at": now - seconds(5), "looked_at": now}
    house.target.states[trial.uid, 1] = WorkerState(WorkerPhase.SUCCEEDED, 0, **ended)

    for event in await house.handle(a_change(trial)):
        await house.handle(event)

    assert (await house.trial()).state == TrialState.KILLED
