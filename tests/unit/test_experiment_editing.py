"""Katib's rules 7 to 9: what may be changed about an Experiment that exists, and what is said else."""

import pytest

from events.experiment import ExperimentSpec
from functions.experiment.model import Experiment
from functions.experiment.reasons import EndReason
from functions.experiment.update_rules import validate_update
from tests.builders import EPOCH, an_experiment

CANNOT_RESTART = (
    "Experiment can be restarted if it is in succeeded state by reaching max trials and spec.resumePolicy = LongRunning"
    " or spec.resumePolicy = FromVolume, when experiment is completed"
)
SEVEN = ("spec.resumePolicy", CANNOT_RESTART)
NINE = ("spec", "only spec.parallelTrialCount, spec.maxTrialCount and spec.maxFailedTrialCount are editable")


def edited(experiment: Experiment, **changes: object) -> list[tuple[str, str]]:
    return list(validate_update(experiment, experiment.spec.replace(**changes)))


def ended(reason: EndReason, policy: str) -> Experiment:
    experiment = an_experiment(resumePolicy=policy)
    experiment.end(reason, at=EPOCH)
    return experiment


@pytest.mark.parametrize(
    ("reason", "policy", "is_restartable"),
    [
        (EndReason.MAX_TRIALS, "LongRunning", True),
        (EndReason.MAX_TRIALS, "FromVolume", True),
        (EndReason.MAX_TRIALS, "Never", False),
        (EndReason.GOAL, "LongRunning", False),
        (EndReason.FAILED, "FromVolume", False),
        (EndReason.STOPPED, "LongRunning", False),
    ],
)
def test_rule_7_what_has_ended_goes_on_where_katib_lets_it(
    reason: EndReason, policy: str, *, is_restartable: bool
) -> None:
    assert edited(ended(reason, policy), max_trial_count=9) == ([] if is_restartable else [SEVEN])


def test_rule_8_is_relaxed_a_budget_below_the_trials_that_exist_is_taken() -> None:
    experiment = an_experiment()
    experiment.count_created(3)

    assert edited(experiment, max_trial_count=2) == []


def test_rule_9_nothing_but_the_budget_is_edited() -> None:
    experiment = an_experiment()

    assert edited(experiment, resume_policy="LongRunning", max_trial_count=5) == [NINE]
    assert edited(experiment, parameters=()) == [NINE]
    assert edited(experiment, max_trial_count=None, max_failed_trial_count=1, parallel_trial_count=1) == []


def test_the_budget_keeps_its_rules() -> None:
    paths = [path for path, _ in edited(an_experiment(), max_trial_count=1, max_failed_trial_count=2)]

    assert paths == ["spec.maxFailedTrialCount", "spec.parallelTrialCount"]


def test_the_same_spec_is_no_edit() -> None:
    experiment = ended(EndReason.GOAL, "Never")

    same = ExperimentSpec.model_validate(experiment.spec.to_manifest())

    assert list(validate_update(experiment, same)) == []
