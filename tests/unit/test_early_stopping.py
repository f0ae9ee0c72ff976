"""Early stopping as users meet it: settings at admission, decisions as metrics arrive, what others learn of a Trial."""

import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.trial import TrialFinished, TrialStopRequested, WorkerOutcome
from functions.experiment.admission import read_experiment
from functions.observation.early_stopping import STOPPER_NAMES, UnknownStopperError, build_stopper, get_family
from functions.observation.early_stopping.halving import Hyperband
from functions.observation.early_stopping.progress import Progress
from functions.trial.model import StopReason, TrialState
from tests.builders import UID, a_finished_trial, a_range, a_report, a_trial, an_experiment_manifest
from tests.fakes import House
from tests.unit.early_stopping_rig import Judge, an_early_stopping, an_experiment_with

AT = "spec.earlyStopping.algorithmSettings"
VALID: dict[str, dict[str, object]] = {
    "asha": {"min_resource": "auto", "reduction_factor": 3, "min_early_stopping_rate": 2},
    "hyperband": {"min_resource": 2, "max_resource": 2, "reduction_factor": 2},
    "medianstop": {"min_trials_required": 1, "start_step": 1, "statistic": "mean"},
    "patient": {"patience": 0, "min_delta": "0.1", "wrapped": "percentile", "percentile": 50},
    "percentile": {"percentile": 0, "n_startup_trials": 0, "n_warmup_steps": 0, "interval_steps": 1, "n_min_trials": 1},
    "threshold": {"lower": -1, "upper": -1, "n_warmup_steps": 3, "interval_steps": 2},
    "wilcoxon": {"p_threshold": 1, "n_startup_steps": 0},
}
BROKEN: list[tuple[str, dict[str, object], str, str]] = [
    ("asha", {"reduction_factor": 1}, "[0].value", "reduction_factor must be in the range of [2, 1000000000]"),
    ("asha", {"reduction_factor": "2.5"}, "[0].value", "failed to validate reduction_factor(2.5): "),
    ("asha", {"min_resource": 0}, "[0].value", "min_resource must be auto or in the range of [1, 1000000000]"),
    ("asha", {"min_resource": "soon"}, "[0].value", "failed to validate min_resource(soon): "),
    ("asha", {"min_early_stopping_rate": -1}, "[0].value", "min_early_stopping_rate must be in the range of [0, 30]"),
    ("asha", {"min_early_stopping_rate": 31}, "[0].value", "min_early_stopping_rate must be in the range of [0, 30]"),
    ("asha", {"start_step": 4}, "[0].name", "unknown setting start_step for algorithm asha"),
    (
        "hyperband",
        {"min_resource": 3, "max_resource": 2},
        "[1].value",
        "max_resource must not be less than min_resource",
    ),
    ("hyperband", {"max_resource": 0}, "[0].value", "max_resource must be auto or in the range of [1, 1000000000]"),
    ("hyperband", {"min_resource": "auto"}, "[0].value", "failed to validate min_resource(auto): "),
    ("medianstop", {"statistic": "mode"}, "[0].value", "statistic must be median or mean"),
    ("patient", {}, "", "patience must be specified"),
    ("patient", {"patience": -1}, "[0].value", "patience must be in the range of [0, 1000]"),
    ("patient", {"patience": 1, "min_delta": "nan"}, "[1].value", "min_delta must not be negative"),
    (
        "patient",
        {"patience": 1, "wrapped": "patient"},
        "[1].value",
        "wrapped must be one of asha, hyperband, medianstop",
    ),
    ("patient", {"patience": 1, "lower": 1}, "[1].name", "unknown setting lower for algorithm patient"),
    ("patient", {"patience": 1, "wrapped": "asha", "lower": 1}, "[2].name", "unknown setting lower for algorithm asha"),
    ("patient", {"patience": 1, "wrapped": "threshold"}, "", "lower or upper must be specified"),
    ("percentile", {}, "", "percentile must be specified"),
    ("percentile", {"percentile": 101}, "[0].value", "percentile must be in the range of [0, 100]"),
    ("percentile", {"percentile": "nan"}, "[0].value", "percentile must be in the range of [0, 100]"),
    ("percentile", {"percentile": 1, "n_min_trials": 0}, "[1].value", "n_min_trials must be in the range of [1, "),
    ("percentile", {"percentile": 1, "interval_steps": 0}, "[1].value", "interval_steps must be in the range of [1, "),
    ("threshold", {}, "", "lower or upper must be specified"),
    ("threshold", {"upper": "inf"}, "[0].value", "upper must be a finite number"),
    ("threshold", {"lower": 2, "upper": 1}, "[0].value", "lower must not be greater than upper"),
    ("threshold", {"upper": 2, "n_warmup_steps": -1}, "[1].value", "n_warmup_steps must be in the range of [0, "),
    ("wilcoxon", {"p_threshold": 1.5}, "[0].value", "p_threshold must be in the range of [0, 1]"),
    ("wilcoxon", {"n_startup_steps": "two"}, "[0].value", "failed to validate n_startup_steps(two): "),
]


def _in_manifest(name: str, values: dict[str, object]) -> dict[str, Any]:
    return an_early_stopping(name, **values).model_dump(mode="json", by_alias=True)


def test_every_family_has_valid_settings_here() -> None:
    assert sorted(VALID) == sorted(STOPPER_NAMES)


@pytest.mark.parametrize("name", STOPPER_NAMES)
def test_valid_settings_are_admitted(name: str) -> None:
    admission = read_experiment(an_experiment_manifest(earlyStopping=_in_manifest(name, VALID[name])))

    assert admission.errors == ()


@pytest.mark.parametrize(("name", "values", "place", "message"), BROKEN)
def test_a_broken_setting_is_refused_with_its_place(
    name: str, values: dict[str, object], place: str, message: str
) -> None:
    admission = read_experiment(an_experiment_manifest(earlyStopping=_in_manifest(name, values)))

    (error,) = map(str, admission.errors)
    assert error.startswith(f"{AT}{place}: {message}")


@given(st.sampled_from(STOPPER_NAMES), st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
def test_no_settings_crash_validation(name: str, values: dict[str, str]) -> None:
    known = dict(zip(VALID[name], values.values(), strict=False))

    for some in (values, known):
        assert all(message for _, _, message in get_family(name).validate(some))


def test_an_unknown_family_is_a_bug() -> None:
    with pytest.raises(UnknownStopperError):
        get_family("gut")


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(STOPPER_NAMES),
    trials=st.lists(st.lists(st.floats(width=32), min_size=1, max_size=9), min_size=1, max_size=4),
    strategy=st.sampled_from(["min", "max", "latest"]),
    direction=st.sampled_from(["minimize", "maximize"]),
)
async def test_no_series_breaks_a_stopper(name: str, trials: list[list[float]], strategy: str, direction: str) -> None:
    judge = Judge(an_experiment_with(strategy, direction), an_early_stopping(name, **VALID[name]))

    for number, reports in enumerate(trials):
        for value in reports:
            await judge.report(number, value)
        await judge.succeed(number)

    assert all(math.isfinite(value) for values in judge.rungs.values.values() for value in values.values())


def test_progress_keeps_the_newest_reports_and_the_best_of_all() -> None:
    progress = Progress()
    for value in (3.0, None, 1.0, 2.0):
        progress = progress.add(value, keep=2)

    assert (progress.step, progress.recent, progress.low, progress.high) == (4, (1.0, 2.0), 3.0, 3.0)


async def test_medianstop_gives_new_trials_the_median_or_katibs_mean() -> None:
    limits = []
    for statistic in ("median", "mean"):
        stopping = {"statistic": statistic, "start_step": 2, "min_trials_required": 4}
        judge = Judge(an_experiment_with("latest"), an_early_stopping("medianstop", **stopping))
        for number, first in enumerate((2.5, 10, 0, 50)):
            for value in (first, first, -99):
                await judge.report(number, value)
            await judge.succeed(number)
        (rule,) = await build_stopper(judge.early_stopping).rules(judge.experiment, judge.rungs)
        limits.append((rule.value, rule.comparison, rule.start_step))

    assert limits == [("6.25", "greater", 2), ("15.625", "greater", 2)]


@pytest.mark.parametrize(("name", "settings"), [("asha", {"reduction_factor": 2}), ("hyperband", {})])
async def test_auto_follows_the_first_trial_that_succeeded(name: str, settings: dict[str, object]) -> None:
    judge = Judge(an_experiment_with("latest"), an_early_stopping(name, **settings))
    early = [await judge.report(1, 0.1), await judge.report(2, 0.9)]
    for value in (0.1,) * 299:
        await judge.report(1, value)
    await judge.succeed(1)

    left = judge.rungs.values
    before = dict(left[2])
    for value in (0.9,) * 9:
        await judge.report(2, value)

    assert (early, left[1], before) == ([False, False], {"reports": 300.0}, {})
    bracket = Hyperband.build({}).bracket_of(UID, 2, 300)
    of_bracket = {f"{bracket}/{rung}" for rung in range(3) if 3 ** (bracket + rung) <= 10}
    assert set(left[2]) == ({"0", "1"} if name == "asha" else of_bracket)


HALVING = {"earlyStopping": _in_manifest("asha", {"min_resource": 2, "reduction_factor": 2})}


async def test_the_second_at_a_rung_is_stopped_as_its_report_arrives(house: House) -> None:
    first, second = await house.start(**HALVING)
    await house.handle(a_report(first, a_range(0.3, 0.2)))

    early = await house.handle(a_report(second, a_range(0.9), id="early"))
    announced = await house.handle(a_report(second, a_range(0.8, start=10), id="late"))

    after = await house.trial(2)
    assert early == []
    assert [type(event) for event in announced] == [TrialStopRequested]
    assert after.stop_reason == StopReason.EARLY_STOPPED
    expected = "Trial is early stopped: loss 0.8 at report 2 is not among the best 1/2 of 2 Trials"
    assert after.message == expected


async def test_a_second_delivery_of_reports_changes_nothing_and_announces_the_same(house: House) -> None:
    first, second = await house.start(**HALVING)
    await house.handle(a_report(first, a_range(0.3, 0.2)))
    event = a_report(second, a_range(0.9, 0.8))
    announced = await house.handle(event)
    before = house.rows()

    again = await house.handle(event)

    assert again == announced
    assert [type(it) for it in again] == [TrialStopRequested]
    assert house.rows() == before


async def test_a_stopped_trial_keeps_its_observation_and_says_why(house: House) -> None:
    first, second = await house.start(**HALVING)
    await house.handle(a_report(first, a_range(0.3, 0.2)))

    await house.play(a_report(second, a_range(0.9, 0.8)), hold=[TrialFinished])
    killed = a_finished_trial(second, outcome=WorkerOutcome.FAILED, reason="Signaled", log_end=20)
    await house.handle(killed)

    after = await house.trial(2)
    assert (after.state, after.value) == (TrialState.EARLY_STOPPED, 0.8)
    assert after.message.startswith("Trial is early stopped: loss 0.8")
    assert (await house.experiment()).early_stopped == 1


async def test_others_are_compared_with_a_trial_whose_whole_log_came_with_its_end(house: House) -> None:
    first, second = await house.start(**HALVING)
    await house.handle(a_finished_trial(first, 0.3, 0.2, 0.1))

    announced = await house.handle(a_report(second, a_range(0.9, 0.8)))

    assert [type(event) for event in announced] == [TrialStopRequested]


async def test_a_worker_that_has_ended_is_not_stopped_for_its_last_reports(house: House) -> None:
    first, second = await house.start(**HALVING)
    await house.handle(a_report(first, a_range(0.3, 0.2)))

    await house.handle(a_finished_trial(second, 0.9, 0.8))

    after = await house.trial(2)
    assert (after.state, after.stop_reason, after.message) == (TrialState.SUCCEEDED, None, "")


async def test_another_attempt_is_judged_from_its_first_report(house: House) -> None:
    trial, _ = await house.start(**HALVING)
    await house.handle(a_report(trial, a_range(0.3, 0.2)))
    await house.handle(a_finished_trial(trial, outcome=WorkerOutcome.LOST, reason="WorkerLost"))

    after = await house.trial()

    assert (after.attempt, after.progress) == (2, Progress())


async def test_reports_that_are_pushed_out_of_order_are_judged_in_theirs(house: House) -> None:
    trial, _ = await house.start(**HALVING)
    pushed = {"source": "pusher", "pushed": True}

    for start, value in ((1, 0.1), (0, 0.4), (2, 0.3)):
        await house.handle(a_report(trial, a_range(value, start=start, end=start + 1, **pushed), id=str(start)))

    async with house.stores.begin() as store:
        left = await store.rungs_of(UID, 1)
    after = await house.trial()
    assert (after.progress.step, after.progress.newest, left) == (3, 0.3, {"0": 0.1})


async def test_an_external_trial_that_does_poorly_ends_at_once(house: House) -> None:
    stopping = {"earlyStopping": _in_manifest("threshold", {"upper": 1})}
    trial, blind = await house.start(kind="External", **stopping)

    await house.play(a_report(trial, a_range(0.5, 2)), a_report(blind, a_range("nan"), id="blind"))

    ends = [(it.state, it.reason, it.message) for it in (await house.trials())[:2]]
    why = "Trial is early stopped: loss 2.0 at report 2 is greater than 1.0"
    assert ends[0] == (TrialState.EARLY_STOPPED, "TrialEarlyStopped", why)
    assert ends[1][0] == TrialState.METRICS_UNAVAILABLE


async def test_a_percentile_is_judged_at_the_newest_of_several_reports(house: House) -> None:
    stopping = {"percentile": 50, "n_startup_trials": 1}
    first, second = await house.start(earlyStopping=_in_manifest("percentile", stopping))
    await house.handle(a_finished_trial(first, 0.5, 0.4, 0.3))

    good = await house.handle(a_report(second, a_range(0.9, 0.1)))
    poor = await house.handle(a_report(second, a_range(0.2, start=20), id="still good"))

    assert good == poor == []
    assert (await house.trial(2)).progress.asked == 3


def test_the_trial_rows_default_is_no_progress() -> None:
    assert a_trial(an_experiment_with("min")).progress == Progress()


def test_no_family_loads_a_search_library() -> None:
    """The function that records metrics starts cold, and may lack them."""
    program = (
        "import sys; from functions.observation.early_stopping import STOPPER_NAMES, get_family; "
        "[get_family(name) for name in STOPPER_NAMES]; "
        "print(sorted({'numpy', 'optuna', 'scipy'} & sys.modules.keys()))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
