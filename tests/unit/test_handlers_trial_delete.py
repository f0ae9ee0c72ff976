"""trial.delete_requested: the Trial is stopped and hidden; its number and its count stay."""

from events.suggestion import SuggestionRequested
from events.trial import TrialStopRequested, WorkerChanged
from functions.trial.model import TrialState
from functions.trial.removal import note_removed
from tests.builders import a_created_event, a_delete, a_finished_trial, a_tick, a_trial_deletion
from tests.fakes import House


async def test_a_running_trial_is_hidden_at_once_and_stopped(house: House) -> None:
    trial, other = await house.start()

    announced = await house.handle(a_trial_deletion(trial))
    await house.play(*announced)

    assert [type(event) for event in announced] == [TrialStopRequested]
    assert house.target.stopped == [(trial.uid, 1)]
    assert [it.name for it in await house.trials()] == [other.name]
    assert await house.reader.trial("default", trial.name) is None


async def test_its_count_and_its_number_stay_and_its_slot_is_free_again(house: House) -> None:
    trial, _ = await house.start()
    await house.play(a_trial_deletion(trial))

    announced = await house.handle(a_finished_trial(await house.trial(), outcome="Failed", exit_code=143))

    experiment = await house.experiment()
    names = (await house.reader.trial_names(experiment.uid)).get(TrialState.KILLED, ())
    assert (experiment.created_count, experiment.killed, list(names)) == (2, 1, [])
    assert SuggestionRequested in map(type, announced)


async def test_a_trial_without_a_worker_of_ours_ends_at_once(house: House) -> None:
    await house.play(a_created_event(kind="External"))

    await house.handle(a_trial_deletion(await house.trial()))

    after = await house.trial()
    assert (after.state, after.reason) == (TrialState.KILLED, "TrialDeleted")


async def test_an_ended_trial_is_only_hidden(house: House) -> None:
    trial, _ = await house.start()
    await house.play(a_finished_trial(trial, 0.5))
    before = await house.experiment()

    await house.play(a_trial_deletion(trial))

    after, hidden = await house.experiment(), await house.trial()
    assert (after.succeeded, after.optimal_value) == (before.succeeded, before.optimal_value)
    assert (hidden.state, hidden.value, hidden.is_hidden) == (TrialState.SUCCEEDED, 0.5, True)


async def test_a_trial_of_another_uid_is_nobodys(house: House) -> None:
    trial, _ = await house.start()
    before = house.rows()

    announced = await house.handle(a_trial_deletion(trial, trial=trial.ref.replace(uid="older")))

    assert (announced, house.rows()) == ([], before)


async def _ended_with_object(house: House) -> None:
    template = {
        "retain": True,
        "primaryContainerName": "main",
        "trialParameters": [{"name": "x", "reference": "x"}],
        "trialSpec": {
            "apiVersion": "kuttab.dev/v1",
            "kind": "Simulated",
            "spec": {"command": ["${trialParameters.x}"]},
        },
    }
    trial, _ = await house.start(trialTemplate=template)
    await house.play(a_finished_trial(trial, 0.5))


async def test_a_retained_worker_stays_when_its_trial_has_ended(house: House) -> None:
    await _ended_with_object(house)

    assert house.target.removed == []
    assert (await house.trial()).removed_at is not None


async def test_a_retained_worker_goes_with_its_trial(house: House) -> None:
    await _ended_with_object(house)
    trial = await house.trial()

    announced = await house.play(a_trial_deletion(trial), hold=[WorkerChanged])
    await house.play(*announced)

    assert house.target.removed == [(trial.uid, 1)]


async def test_a_retained_worker_goes_with_its_experiment(house: House) -> None:
    await _ended_with_object(house)
    trial = await house.trial()

    await house.play(a_delete())
    await house.play(a_tick())

    assert (trial.uid, 1) in house.target.removed


async def test_a_deletion_between_a_look_and_its_note_leaves_no_retained_worker_behind(house: House) -> None:
    await _ended_with_object(house)
    trial = await house.trial()
    about = a_trial_deletion(trial)
    look = WorkerChanged(experiment=about.experiment, trial=about.trial, attempt=1, target=trial.target)
    await house.handle(a_delete())

    await note_removed(look, house.stores, was_kept=True)
    await house.play(a_tick())

    assert (trial.uid, 1) in house.target.removed
