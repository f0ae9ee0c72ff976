"""`kuttab explain`: each situation has its sentence, made from the rows alone."""

from typing import Any

import pytest

from events.suggestion import SuggestionRequested
from events.trial import TrialCreated, WorkerOutcome
from functions.errors import Retry
from functions.explanation.experiments import explain_experiment
from functions.explanation.facts import Explanation, Facts
from functions.ports import Host
from functions.suggestion.algorithms import random_search
from functions.trial.model import ACTIVE, TrialState
from local_runner.view.explain import render_explanation
from tests.builders import (
    UID,
    a_change,
    a_created_event,
    a_delete,
    a_finished_trial,
    a_range,
    a_report,
    a_stop,
    a_tick,
    a_trial_deletion,
)
from tests.fakes import House

PROCESS: dict[str, Any] = {"kind": "Process", "maxTrialCount": 2}


async def _explain(house: House, *, trouble: str = "") -> Explanation:
    reader, now = house.reader, house.clock.now
    facts = Facts(
        experiment=await house.experiment(),
        now=now,
        suggestion=await reader.suggestion(UID),
        active=await reader.trials(UID, states=tuple(ACTIVE)),
        ended=await reader.last_ended(UID, 20),
        hosts=await reader.hosts(),
        limits=house.limits,
        trouble=trouble,
    )
    return explain_experiment(facts)


async def _beat(house: House, *, busy: int = 0, **labels: str) -> None:
    async with house.stores.begin() as store:
        await store.beat(Host("host-a", slots=2, busy=busy, labels=labels))


async def _process(house: House, **template: Any) -> None:
    """Admit an Experiment of process Trials that wait for their launch."""
    await house.play(a_created_event(**PROCESS, **template), hold=[TrialCreated])


async def test_a_search_that_has_not_been_answered(house: House) -> None:
    await house.play(a_created_event(), hold=[SuggestionRequested])
    house.clock.advance(15)
    await house.handle(a_tick())

    said = (await _explain(house)).paragraph

    assert "digits has run for 15s: 0 of 3 Trials have ended, 0 are active." in said
    assert "2 slot(s) are free, and it waits for suggestions, asked for 1 times in vain" in said


async def test_a_search_under_way(house: House) -> None:
    await house.play(a_created_event(), hold=[SuggestionRequested])
    async with house.stores.begin() as store:
        experiment = await store.experiment((await house.experiment()).ref, lock=True)
        assert experiment is not None
        experiment.searching_until = house.clock.now + (house.clock.now - house.clock.now).resolution * 40_000_000

    assert "and random is searching; its lease ends in 40s." in (await _explain(house)).paragraph


async def test_a_search_that_fails(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no such setting")

    monkeypatch.setattr(random_search.RandomSearch, "suggest", broken)
    (request,) = await house.play(a_created_event(), hold=[SuggestionRequested])
    with pytest.raises(Retry):
        await house.handle(request)

    found = await _explain(house)

    assert "the search has failed 1 of 5 times: algorithm random: ValueError: no such setting" in found.paragraph
    assert [what for _, what in found.errors] == ["search: algorithm random: ValueError: no such setting"]


async def test_no_runner_has_the_labels(house: House) -> None:
    await _beat(house)
    await _process(house)
    for number in (1, 2):
        await house.change(number, runner_selector={"gpu": "a100"})

    found = await _explain(house)

    assert "2 wait for a runner with the labels gpu=a100: there is none" in found.paragraph
    assert "`kuttab runner --labels gpu=a100` on a host moves it." in found.paragraph


async def test_no_runner_is_alive(house: House) -> None:
    await _beat(house)
    await _process(house)
    house.clock.advance(100)

    assert "2 wait for a runner: host-a was the last" in (await _explain(house)).paragraph


async def test_no_runner_has_a_free_slot(house: House) -> None:
    await _beat(house, busy=2)
    await _process(house)

    assert "2 wait for a free slot: all 2 of 1 runner(s) are taken" in (await _explain(house)).paragraph


async def test_a_launch_that_was_lost_on_its_way(house: House) -> None:
    await _beat(house)
    await _process(house)

    assert "2 wait for its launch: a runner has a free slot" in (await _explain(house)).paragraph


async def test_a_launch_that_is_tried_again_after_a_pause(house: House) -> None:
    trial, _ = await house.start(maxTrialCount=2)
    lost = {"outcome": WorkerOutcome.LOST, "log_end": None, "message": "the host is gone"}
    await house.play(a_finished_trial(trial, **lost))
    await house.play(a_finished_trial(await house.trial(), id="again", **lost))

    found = await _explain(house)

    waiting = {it.number: word for it, word in found.trials}
    assert waiting[1].what == "attempt 3 in 10s, after WorkerLost"
    assert waiting[1].moved_by == "the clock"
    assert f"{trial.name}, attempt 2 of 4: WorkerLost: the host is gone" in [what for _, what in found.errors]


async def test_a_launch_under_way(house: House) -> None:
    await house.start(maxTrialCount=2)
    await house.change(state=TrialState.LAUNCHING, nudges=3)

    waiting = {it.number: word.what for it, word in (await _explain(house)).trials}

    assert waiting[1] == "its launch by host-a, attempt 1, asked for again 3 times"


async def test_workers_that_run(house: House) -> None:
    trial, other = await house.start(maxTrialCount=2)
    await house.handle(a_report(trial, a_range(0.5, 0.25)))
    house.clock.advance(65)

    found = await _explain(house)

    assert "Its last Trials are active. 2 wait for its Worker to end; the Worker moves it." in found.paragraph
    assert [(it.name, word.what) for it, word in found.trials] == [
        (trial.name, "its Worker to end, last loss=0.25"),
        (other.name, "its Worker to end, no loss yet"),
    ]
    assert any(line.split()[-3:] == ["65s", "the", "Worker"] for line in render_explanation(found, house.clock.now))


async def test_a_worker_whose_host_is_silent(house: House) -> None:
    await _beat(house)
    await house.start(**PROCESS)
    house.clock.advance(50)

    found = await _explain(house)

    assert found.trials[0][1].moved_by.startswith("host host-a, silent for 50s")


async def test_a_worker_that_is_missing(house: House) -> None:
    trial, _ = await house.start(maxTrialCount=2)
    house.target.lose(trial)
    await house.handle(a_change(trial))

    assert (await _explain(house)).trials[0][1].what == "its Worker, which simulated does not know any more"


async def test_metrics_on_their_way(house: House) -> None:
    trial, _ = await house.start(maxTrialCount=2)
    await house.handle(a_finished_trial(trial, log_end=100))

    what = (await _explain(house)).trials[0][1].what
    assert what == "the rest of its metrics: 0 of 100 read; closed in 30s with what is there"


async def test_an_external_trial_that_nobody_answers(house: House) -> None:
    await house.play(a_created_event(kind="External"))
    house.clock.advance(3600)

    waiting = (await _explain(house)).trials[0][1]

    assert waiting.what == "a client of yours to answer, 23h at most"
    assert waiting.moved_by == "a client that reads trial-created-external"


async def test_a_worker_that_is_being_stopped(house: House) -> None:
    trial, _ = await house.start()
    await house.play(a_trial_deletion(trial))
    hidden = await _explain(house)
    await house.change(is_hidden=False)

    found = await _explain(house)

    assert "1 deleted Trial(s) are still being stopped, and take a slot each." in hidden.paragraph
    assert found.trials[0][1].what == "its Worker to end: it is being stopped (Killed)"


async def _end(house: House, **spec: Any) -> str:
    for trial in await house.start(maxTrialCount=2, **spec):
        await house.play(a_finished_trial(trial, 0.5, id=f"end-{trial.number}"))
    house.clock.advance(30)
    return (await _explain(house)).paragraph


async def test_an_end_that_may_be_undone(house: House) -> None:
    said = await _end(house, resumePolicy="LongRunning")

    assert said.startswith("digits ended 30s ago as Succeeded (ExperimentMaxTrialsReached): ")
    assert said.endswith("`kuttab scale experiment digits --max-trials N`.")


async def test_an_end_for_good(house: House) -> None:
    assert (await _end(house)).endswith("It cannot be started again (resumePolicy is Never).")


async def test_a_stop_is_for_good(house: House) -> None:
    await house.start(resumePolicy="LongRunning")
    await house.play(a_stop())

    said = (await _explain(house)).paragraph

    assert "It cannot be started again (only one that ended by its maxTrialCount can be)." in said


async def test_an_end_that_leaves_workers(house: House) -> None:
    objective = {"type": "minimize", "objectiveMetricName": "loss", "goal": 0.1}
    trial, _ = await house.start(objective=objective)
    await house.play(a_finished_trial(trial, 0.05))

    assert "1 Trial(s) run on, as onComplete is drain; their results still count." in (await _explain(house)).paragraph


async def test_a_stop_that_is_under_way(house: House) -> None:
    await house.start()
    await house.play(a_stop())

    said = (await _explain(house)).paragraph

    assert "as Failed (ExperimentStopped): Experiment has been stopped." in said
    assert "2 Trial(s) are being stopped" in said


async def test_an_invalid_file(house: House) -> None:
    await house.play(a_created_event(maxTrialCount=0))

    said = (await _explain(house)).paragraph

    assert "digits was refused 0s ago, with 1 error(s): spec.maxTrialCount: must be greater than 0." in said


async def test_a_deletion_that_waits_for_workers(house: House) -> None:
    await house.start()
    await house.play(a_delete())

    said = (await _explain(house)).paragraph

    assert said == "digits was deleted 0s ago. 2 Trial(s) are being stopped; its rows go when the last Worker is gone."


async def test_no_clock(house: House) -> None:
    await house.play(a_created_event(), hold=[SuggestionRequested])
    house.clock.advance(300)

    assert "no clock ticks (`kuttab clock`)." in (await _explain(house)).paragraph


async def test_trouble_comes_first_while_something_is_to_be_done(house: House) -> None:
    await house.start(maxTrialCount=2)
    during = (await _explain(house, trouble="The broker is away.")).paragraph
    for trial in await house.trials():
        await house.play(a_finished_trial(trial, 0.5, id=f"end-{trial.number}"))

    after = (await _explain(house, trouble="The broker is away.")).paragraph

    assert during.startswith("The broker is away. digits has run")
    assert "away" not in after


async def test_budgets_of_time_and_patience_and_failures(house: House) -> None:
    first, second = await house.start(
        maxDurationSeconds=100, maxTrialsWithoutImprovement=4, maxFailedTrialCount=3, maxTrialCount=9
    )
    await house.play(a_finished_trial(first, 0.5))
    await house.play(a_finished_trial(second, 0.6, id="second"))
    third = (await house.trials())[2]
    await house.play(a_finished_trial(third, id="third", outcome=WorkerOutcome.FAILED, message="exit code 1"))
    house.clock.advance(40)

    found = await _explain(house)

    assert "Its time (maxDurationSeconds) is over in 60s." in found.paragraph
    assert "1 of 4 results in a row were no better." in found.paragraph
    assert "1 Trial(s) have failed; 3 fail it (maxFailedTrialCount)." in found.paragraph
    assert [what for _, what in found.errors] == [f"{third.name}: UserError: exit code 1"]


async def test_the_last_events_are_the_newest_first(house: House) -> None:
    trial, _ = await house.start(maxTrialCount=2)
    house.clock.advance(5)
    await house.play(a_finished_trial(trial, 0.5))

    events = (await _explain(house)).events

    assert events[0][1] == f"Trial {trial.name} ended: TrialSucceeded"
    assert list(events) == sorted(events, reverse=True)
