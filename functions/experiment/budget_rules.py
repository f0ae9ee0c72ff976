"""The rules of how many Trials there may be, at a time, at all and failed."""

from collections.abc import Iterator

from events.experiment import ExperimentSpec
from functions.experiment.parsing import Problem

MAX_COUNT = 2**31 - 1
"""Katib's counts are int32."""

_ABOVE_MAX_TRIAL_COUNT = "should be less than or equal to spec.maxTrialCount"


def validate_budget(spec: ExperimentSpec) -> Iterator[Problem]:
    """Yield what is wrong with the three counts."""
    yield from _validate_count("spec.maxFailedTrialCount", spec.max_failed_trial_count, least=0)
    yield from _validate_count("spec.maxTrialCount", spec.max_trial_count, least=1)
    yield from _validate_count("spec.parallelTrialCount", spec.parallel_trial_count, least=1)
    most = spec.max_trial_count
    if most is None or most <= 0:
        return
    if (spec.max_failed_trial_count or 0) > most:
        yield "spec.maxFailedTrialCount", _ABOVE_MAX_TRIAL_COUNT
    if (spec.parallel_trial_count or 0) > most:
        yield "spec.parallelTrialCount", _ABOVE_MAX_TRIAL_COUNT


def _validate_count(path: str, count: int | None, *, least: int) -> Iterator[Problem]:
    if count is not None and count < least:
        yield path, "must be greater than 0" if least else "should not be less than 0"
    if count is not None and count > MAX_COUNT:
        yield path, f"should be less than or equal to {MAX_COUNT}"
