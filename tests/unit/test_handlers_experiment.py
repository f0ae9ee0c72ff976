"""What clients ask of an Experiment: created, edited, stopped, deleted, concluded."""

from typing import Any

import pytest

from events.envelope import Event
from events.experiment import ExperimentCreated, ExperimentFinished
from events.reference import ExperimentRef
from events.resource import ConditionStatus
from events.suggestion import SuggestionRequested
from events.trial import TrialStopRequested
from functions.errors import Reject, Retry
from functions.experiment.reasons import Phase
from functions.trial.model import StopReason, TrialState
from tests.builders import (
    EPOCH,
    UID,
    a_change,
    a_conclusion,
    a_created_event,
    a_delete,
    a_finished_trial,
    a_stop,
    an_edit,
    an_experiment_manifest,
    seconds,
)
from tests.fakes import FakeNotifier, House

LONG_RUNNING: dict[str, Any] = {"resumePolicy": "LongRunning", "maxTrialCount": 2}


async def _ended(house: House, **manifest: Any) -> None:
    """Let an Experiment run to its end."""
    await house.start(**manifest)
    while active := [trial for trial in await house.trials() if trial.is_active]:
        await house.play(a_finished_trial(active[0], 0.5, id=f"end-{active[0].number}"))


async def test_a_valid_experiment_is_admitted_and_asks_for_suggestions(house: House) -> None:
    announced = await house.handle(a_created_event())

    experiment = await house.experiment()
    assert [type(event) for event in announced] == [SuggestionRequested]
    assert (experiment.phase, experiment.live_name) == (Phase.CREATED, "default/digits")


async def test_an_invalid_experiment_is_recorded_as_failed_with_all_its_errors(house: House) -> None:
    announced = await house.handle(a_created_event(maxTrialCount=0, objective=None))

    experiment = await house.experiment()
    assert [type(event) for event in announced] == [ExperimentFinished]
    assert experiment.phase == Phase.FAILED
    assert "spec.maxTrialCount: " in experiment.error
    assert "spec.objective: must be specified" in experiment.error
    assert experiment.conditions[-1].message == experiment.error


async def test_an_experiment_without_a_usable_name_is_rejected(house: House) -> None:
    event = ExperimentCreated(
        experiment=ExperimentRef(name="No Name!", uid=UID), resource=an_experiment_manifest(name="No Name!")
    )

    with pytest.raises(Reject, match=r"metadata\.name"):
        await house.handle(event)


async def test_a_name_that_is_taken_is_rejected_and_the_first_goes_on(house: House) -> None:
    await house.start()
    before = house.rows()

    with pytest.raises(Reject, match=r"metadata\.name: default/digits already exists"):
        await house.handle(a_created_event("uid-other", id="second"))

    assert house.rows() == before


async def test_a_name_is_free_again_after_deletion(house: House) -> None:
    await house.start()
    await house.handle(a_delete())

    await house.play(a_created_event("uid-other", id="second"))

    assert (await house.experiment("uid-other")).created_count == 2


@pytest.mark.parametrize("is_known", [True, False], ids=["while it goes", "when it never came"])
async def test_created_after_delete_does_nothing(house: House, is_known: bool) -> None:
    if is_known:
        await house.handle(a_created_event())
    await house.play(a_delete())
    before = house.rows()

    announced = await house.handle(a_created_event(id="late"))

    assert announced == []
    assert house.rows() == before
    assert await house.find_experiment() is None


async def test_an_edit_changes_the_budget_and_asks_for_the_new_slots(house: House) -> None:
    await house.start()

    announced = await house.handle(an_edit(parallel=3, most=9, failed=2))

    spec = (await house.experiment()).spec
    assert [type(event) for event in announced] == [SuggestionRequested]
    assert (spec.parallel_trial_count, spec.max_trial_count, spec.max_failed_trial_count) == (3, 9, 2)


async def test_an_older_edit_is_ignored(house: House) -> None:
    await house.start()
    await house.handle(an_edit(id="edit-2", most=9))

    await house.handle(an_edit(id="edit-1", most=5))

    assert (await house.experiment()).spec.max_trial_count == 9


@pytest.mark.parametrize("command", [an_edit, a_stop])
async def test_a_command_for_another_version_changes_nothing(house: House, command: Any) -> None:
    await house.start()
    before = house.rows()

    await house.handle(command(resource_version="999"))

    assert house.rows() == before


async def test_a_lower_budget_stops_nothing_and_ends_where_it_is_reached(house: House) -> None:
    first, second = await house.start()
    await house.handle(an_edit(parallel=1, most=1))

    await house.play(a_finished_trial(first, 0.5))

    experiment = await house.experiment()
    assert (experiment.phase, experiment.created_count) == (Phase.SUCCEEDED, 2)
    assert house.target.stopped == []
    assert (await house.trial(second.number)).state == TrialState.RUNNING


async def test_a_larger_budget_restarts_an_experiment_that_ended_by_its_old_one(house: House) -> None:
    await _ended(house, **LONG_RUNNING)

    announced = await house.handle(an_edit(most=3))

    experiment = await house.experiment()
    conditions = {it.type: (it.status, it.reason) for it in experiment.conditions}
    assert [type(event) for event in announced] == [SuggestionRequested]
    assert conditions["Restarting"] == (ConditionStatus.TRUE, "ExperimentRestarting")
    assert "Succeeded" not in conditions
    assert (experiment.is_completed, experiment.completed_at) == (False, None)


async def test_a_restart_is_seen_until_the_experiment_has_ended_again(house: House) -> None:
    await _ended(house, **LONG_RUNNING)
    await house.play(an_edit(most=3))
    running = [(it.type, it.status) for it in (await house.experiment()).conditions]

    await house.play(a_finished_trial(await house.trial(3), 0.4, id="end-3"))

    experiment = await house.experiment()
    ended = [(it.type, it.status) for it in experiment.conditions]
    assert running[1:] == [("Restarting", ConditionStatus.TRUE), ("Running", ConditionStatus.TRUE)]
    assert ended[1:] == [
        ("Restarting", ConditionStatus.FALSE),
        ("Running", ConditionStatus.FALSE),
        ("Succeeded", ConditionStatus.TRUE),
    ]
    assert (experiment.completion, experiment.created_count) == (2, 3)


@pytest.mark.parametrize(
    ("policy", "most"), [("Never", 3), ("LongRunning", 2)], ids=["policy never", "budget no larger"]
)
async def test_an_edit_that_may_not_restart_leaves_the_end_as_it_is(house: House, policy: str, most: int) -> None:
    await _ended(house, resumePolicy=policy, maxTrialCount=2)

    await house.handle(an_edit(most=most))

    experiment = await house.experiment()
    assert (experiment.phase, experiment.completion) == (Phase.SUCCEEDED, 1)


async def test_a_stop_ends_the_experiment_and_asks_its_trials_to_stop(house: House) -> None:
    await house.start()

    announced = await house.handle(a_stop())

    experiment = await house.experiment()
    assert [type(event) for event in announced] == [TrialStopRequested, TrialStopRequested, ExperimentFinished]
    assert experiment.conditions[-1].reason == "ExperimentStopped"
    assert [trial.stop_reason for trial in await house.trials()] == [StopReason.KILLED] * 2


async def test_a_stop_older_than_the_last_restart_changes_nothing(house: House) -> None:
    await _ended(house, **LONG_RUNNING)
    house.clock.advance(60)
    await house.play(an_edit(most=3))

    await house.handle(a_stop(at=EPOCH + seconds(59)))

    assert (await house.experiment()).phase == Phase.RUNNING


async def test_a_stop_after_the_end_keeps_the_result(house: House) -> None:
    await _ended(house)

    await house.handle(a_stop())

    assert (await house.experiment()).phase == Phase.SUCCEEDED


async def test_an_external_trial_ends_at_once_with_its_experiment(house: House) -> None:
    await house.play(a_created_event(kind="External"))

    await house.play(a_stop())

    assert [trial.state for trial in await house.trials()] == [TrialState.KILLED] * 2


@pytest.mark.parametrize("command", [an_edit, a_stop])
async def test_a_command_that_overtook_its_creation_comes_again_later_and_not_for_ever(
    house: House, command: Any
) -> None:
    with pytest.raises(Retry) as first:
        await house.handle(command())
    with pytest.raises(Retry) as second:
        await house.handle(command(redelivery=1))

    assert (first.value.delay_seconds, second.value.delay_seconds) == (1, 2)
    with pytest.raises(Reject, match="no Experiment default/digits uid-digits"):
        await house.handle(command(redelivery=8))


@pytest.mark.parametrize("command", [an_edit, a_stop])
async def test_a_command_by_an_unknown_name_is_rejected(house: House, command: Any) -> None:
    with pytest.raises(Reject, match="no Experiment default/digits"):
        await house.handle(command(uid=""))


@pytest.mark.parametrize("command", [a_stop, a_delete])
async def test_a_command_by_name_means_no_experiment_that_came_after_it(house: House, command: Any) -> None:
    await house.start()
    before = house.rows()

    announced = await house.handle(command(uid="", at=EPOCH - seconds(1)))

    assert announced == []
    assert house.rows() == before


async def test_a_command_by_name_means_the_live_experiment(house: House) -> None:
    await house.start()

    await house.handle(a_stop(uid=""))

    assert (await house.experiment()).phase == Phase.FAILED


@pytest.mark.parametrize("command", [an_edit, a_stop])
async def test_a_command_for_a_deleted_experiment_does_nothing(house: House, command: Any) -> None:
    await house.play(a_delete())

    assert await house.handle(command()) == []


async def test_delete_hides_the_experiment_and_stops_its_trials(house: House) -> None:
    await house.start()

    announced = await house.handle(a_delete())

    assert [type(event) for event in announced] == [TrialStopRequested, TrialStopRequested, ExperimentFinished]
    assert await house.reader.experiments() == []
    assert (await house.experiment()).deleted_at == EPOCH


async def test_rows_stay_until_the_last_worker_is_confirmed_gone(house: House) -> None:
    trials = await house.start()
    await house.play(a_delete())
    for trial in trials:
        await house.play(a_finished_trial(trial, id=f"end-{trial.number}", log_end=0), hold=[type(a_change(trial))])
    await house.handle(a_change(trials[0]))
    await house.play(a_conclusion(result="Deleted"))
    before = await house.find_experiment()

    await house.handle(a_change(trials[1]))
    await house.play(a_conclusion(result="Deleted"))

    assert before is not None
    assert await house.find_experiment() is None
    assert await house.trials() == []


async def test_nothing_of_a_deleted_experiment_remains_but_its_tombstone(house: House) -> None:
    await _ended(house)
    for trial in await house.trials():
        await house.handle(a_change(trial))

    await house.play(a_delete())

    left = {name: len(rows) for name, rows in house.rows().items() if rows}
    assert left == {"tombstones": 1}


async def _finish(house: House) -> Event:
    trials = await house.start(maxTrialCount=2)
    ends = [a_finished_trial(it, 0.5, id=f"end-{it.number}") for it in trials]
    return (await house.play(*ends, hold=[ExperimentFinished]))[0]


async def test_every_sink_is_told_of_a_completion_once(house: House) -> None:
    house.notifier.sinks = ("a", "b")
    event = await _finish(house)

    await house.handle(event)
    await house.handle(event.model_copy(update={"id": "announced again"}))

    assert house.notifier.told == [("a", f"{UID}/1"), ("b", f"{UID}/1")]
    assert (await house.experiment()).notified_completion == 1


async def test_a_sink_that_is_out_of_order_is_told_later_and_the_others_not_again(house: House) -> None:
    class HalfBroken(FakeNotifier):
        async def notify(self, sink: str, event: ExperimentFinished) -> None:
            if sink == "b" and self.is_broken:
                raise OSError("no route")
            self.told.append((sink, event.id))

    house.notifier = HalfBroken(["a", "b"])
    house.notifier.is_broken = True
    house.restart()
    event = await _finish(house)
    with pytest.raises(OSError, match="no route"):
        await house.handle(event)
    house.notifier.is_broken = False

    await house.handle(event)

    assert [sink for sink, _ in house.notifier.told] == ["a", "b"]


async def test_a_superseded_completion_is_not_told(house: House) -> None:
    await house.start(**LONG_RUNNING)
    ends = [a_finished_trial(it, 0.5, id=f"end-{it.number}") for it in await house.trials()]
    (event,) = await house.play(*ends, hold=[ExperimentFinished])
    await house.play(an_edit(most=3))

    await house.handle(event)

    assert house.notifier.told == []


async def test_trials_that_never_started_end_with_their_experiment(house: House) -> None:
    objective = {"type": "minimize", "objectiveMetricName": "loss", "goal": 0.1}
    first, second = await house.start(objective=objective)
    lost = a_finished_trial(second, id="lost", outcome="Lost", log_end=None, log_source="")
    await house.play(lost, hold=[type(event) for event in await house.handle(lost)])

    await house.play(a_finished_trial(first, 0.1))

    after = await house.trial(2)
    assert (after.state, after.reason) == (TrialState.KILLED, "ExperimentEnded")
