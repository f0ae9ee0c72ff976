"""The three views, and the looks that feed them."""

import io
import json
import re
from collections.abc import Sequence
from datetime import timedelta

import pytest
from rich.console import Console

from events.experiment import ClockTicked
from functions.experiment.reasons import EndReason
from functions.trial.model import TrialState
from local_runner.view import look as look_module
from local_runner.view.json_lines import JsonLines
from local_runner.view.live import LiveView
from local_runner.view.look import Follower, Look, NotAdmittedError
from local_runner.view.plain import PlainView
from local_runner.view.summary import summary_lines
from tests.builders import EPOCH, UID, a_search_request
from tests.unit.cli_material import FakeReader, a_look, a_past, finish, report


def drawn(looks: Sequence[Look], *, width: int = 100, height: int = 30) -> str:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    view = LiveView(console)
    view.show(looks)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    view.close()
    return re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", text)


def test_the_live_view_shows_progress_times_the_best_and_what_runs() -> None:
    experiment, trials = a_past([0.5, 0.25, None], running=2)
    report(trials[3], 0.125)

    text = drawn([a_look(experiment, trials, remaining_seconds=125)])

    assert "digits  minimize loss · random" in text
    assert "1:05 elapsed, about 2:05 left" in text
    assert "3/12 Trials" in text
    assert "2 succeeded, 1 failed, 2 running" in text
    assert f"loss=0.25  {trials[1].name}" in text
    assert "0.125" in text
    assert trials[4].name in text


def test_the_live_view_begins_before_anything_has_happened() -> None:
    experiment, trials = a_past([])

    text = drawn([a_look(experiment, trials)])

    assert "0/12 Trials" in text
    assert "no Trial has finished yet" in text
    assert "No Trial is running" in text


def test_the_live_view_fits_the_terminal() -> None:
    experiment, trials = a_past([], running=40, parallelTrialCount=40, maxTrialCount=40)

    text = drawn([a_look(experiment, trials)], height=20)

    assert len(text.splitlines()) < 20
    assert "and 31 more" in text
    assert all(len(line) <= 60 for line in drawn([a_look(experiment, trials)], width=60).splitlines())


def test_names_are_no_markup() -> None:
    experiment, trials = a_past([0.5], objective={"type": "minimize", "objectiveMetricName": "[bold]loss"})

    assert "minimize [bold]loss" in drawn([a_look(experiment, trials)])


def test_the_live_view_ends_with_the_result() -> None:
    experiment, trials = a_past([0.5, 0.25], maxTrialCount=2)
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    view = LiveView(console)

    view.end([a_look(experiment, trials)])

    assert isinstance(console.file, io.StringIO)
    assert "Experiment digits: Succeeded after 2s" in console.file.getvalue()


def test_plain_lines_tell_each_trial_once() -> None:
    experiment, trials = a_past([0.5, None, 0.25], running=1)

    output = io.StringIO()

    PlainView(output).show([a_look(experiment, trials)])

    assert output.getvalue().splitlines() == [
        "experiment.kubeflow.org/digits created: minimize loss; random; 12 Trials, 4 at a time",
        f"[1/12] {trials[0].name} Succeeded loss=0.5 (x=0.1) 2s",
        f"[2/12] {trials[1].name} Failed (x=0.2) 2s - exit code 3",
        f"[3/12] {trials[2].name} Succeeded loss=0.25 (x=0.3) 2s best so far",
    ]


def test_a_trial_that_was_deleted_while_it_ran_has_its_line() -> None:
    experiment, trials = a_past([], running=2)
    trials[0].is_hidden = True
    finish(experiment, trials[0], TrialState.KILLED)
    output = io.StringIO()

    PlainView(output).show([a_look(experiment, trials)])

    assert output.getvalue().splitlines()[1:] == [f"[1/12] {trials[0].name} Killed (x=0.1) 2s - deleted"]


def test_a_resumed_run_does_not_tell_again_what_ended_before() -> None:
    experiment, trials = a_past([0.5, 0.4], running=1)
    output = io.StringIO()
    view = PlainView(output, is_resumed=True)
    view.show([a_look(experiment, trials)])

    finish(experiment, report(trials[2], 0.1))
    view.show([a_look(experiment, trials[2:])])

    assert output.getvalue().splitlines() == [
        "experiment.kubeflow.org/digits resumed: minimize loss; random; 12 Trials, 4 at a time; 2/12 done",
        f"[3/12] {trials[2].name} Succeeded loss=0.1 (x=0.3) 2s best so far",
    ]


def test_json_lines_are_the_events_and_nothing_else() -> None:
    output, errors = io.StringIO(), io.StringIO()
    view = JsonLines(output, errors)
    view.hear(a_search_request(id="one"))
    view.hear(ClockTicked(id="tick"))

    view.show([])
    view.say("Detaching")
    view.hear(a_search_request(id="two"))
    view.end([])

    assert [json.loads(line)["id"] for line in output.getvalue().splitlines()] == ["one", "two"]
    assert errors.getvalue() == "Detaching\n"


def test_the_summary_names_the_optimal_trial_with_all_its_digits() -> None:
    experiment, trials = a_past([0.123456789012, None], maxTrialCount=2)

    lines = list(summary_lines(a_look(experiment, trials)))

    assert lines == [
        "Experiment digits: Succeeded after 2s: Experiment has succeeded because max trial count has reached",
        "Trials      2/2: 1 succeeded, 1 failed",
        f"Optimal     {trials[0].name}",
        "            loss  0.123456789012",
        "            x     0.1",
        "Failures    kuttab get trials -o wide --experiment digits",
    ]


def test_the_summary_has_a_text_as_objective_whole() -> None:
    genotype = f"Genotype(normal={[('max_pooling_3x3', 0)] * 9})"
    experiment, trials = a_past([genotype], maxTrialCount=1)

    lines = list(summary_lines(a_look(experiment, trials)))

    assert f"            loss  {genotype}" in lines


def test_the_summary_of_a_failure_says_why() -> None:
    experiment, trials = a_past([None], maxFailedTrialCount=1)

    lines = list(summary_lines(a_look(experiment, trials)))

    assert "Failed after 2s: Experiment has failed because max failed count has reached" in lines[0]
    assert "Optimal     no Trial has reported the objective" in lines


def test_a_deleted_experiment_has_a_short_summary() -> None:
    experiment, trials = a_past([0.5])
    experiment.delete(at=EPOCH)

    assert list(summary_lines(a_look(experiment, trials))) == ["Experiment digits was deleted"]


async def test_each_end_is_seen_once_in_the_order_of_the_ends() -> None:
    experiment, trials = a_past([], running=4)
    reader = FakeReader(experiment, trials)
    follower = Follower(reader, UID)
    finish(experiment, trials[2])
    finish(experiment, trials[0])

    first = await follower.look()
    finish(experiment, trials[1])
    second = await follower.look()

    assert first
    assert second
    assert [trial.number for trial in first.finished] == [3, 1]
    assert [trial.number for trial in second.finished] == [2]
    assert [trial.number for trial in second.active] == [4]


async def test_the_end_of_a_deleted_trial_is_seen_and_not_waited_for() -> None:
    experiment, trials = a_past([], running=2)
    trials[0].is_hidden = True
    finish(experiment, trials[0], TrialState.KILLED)
    finish(experiment, trials[1])
    reader = FakeReader(experiment, trials)
    follower = Follower(reader, UID)

    look = await follower.look()
    await follower.look()

    assert look
    assert [trial.number for trial in look.finished] == [1, 2]
    assert reader.asked_after[-1] == 2


async def test_a_look_begins_at_the_first_trial_that_has_not_ended() -> None:
    experiment, trials = a_past([0.5] * 9, running=2)
    reader = FakeReader(experiment, trials)
    follower = Follower(reader, UID)
    await follower.look()
    reader.asked_after.clear()

    await follower.look()

    assert reader.asked_after == [9, 11]


async def test_the_expected_time_follows_the_mean_of_the_trials() -> None:
    experiment, trials = a_past([0.5, 0.4], running=2)
    for trial in trials[2:]:
        trial.started_at = None

    look = await Follower(FakeReader(experiment, trials), UID).look()

    assert look
    assert look.remaining_seconds == pytest.approx(10 * 2 / 4)


async def test_nothing_is_expected_before_the_first_end_or_without_a_limit() -> None:
    early, running = a_past([], running=1)
    endless, ended = a_past([0.5], maxTrialCount=None)

    looks = [await Follower(FakeReader(*it), UID).look() for it in ((early, running), (endless, ended))]

    assert [look.remaining_seconds for look in looks if look] == [None, None]


async def test_an_experiment_that_vanishes_is_over() -> None:
    experiment, trials = a_past([0.5], running=1)
    reader = FakeReader(experiment, trials)
    follower = Follower(reader, UID)
    await follower.look()
    reader.experiment = None

    look = await follower.look()

    assert look
    assert look.is_over


async def test_an_experiment_that_is_never_admitted_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    follower = Follower(FakeReader(None), UID)
    first = await follower.look()
    monkeypatch.setattr(look_module, "ADMISSION_SECONDS", -1)

    assert first is None
    with pytest.raises(NotAdmittedError):
        await follower.look()


def test_an_experiment_with_late_trials_is_not_over() -> None:
    experiment, trials = a_past([0.5], running=1)
    experiment.end(EndReason.GOAL, at=EPOCH + timedelta(seconds=3))

    is_over_before = a_look(experiment, trials).is_over
    finish(experiment, trials[1], TrialState.KILLED)

    assert not is_over_before
    assert a_look(experiment, trials).is_over
