"""What the optional fields of Kuttab's own must be: how an Experiment ends, and what is tried again."""

from collections.abc import Iterator

from events.experiment import ExperimentSpec
from functions.experiment.parsing import Problem

ON_COMPLETE = ("drain", "stop")
MAX_RETRIES = 100
"""Each failed attempt is kept in its Trial's row."""
MAX_SECONDS = 10 * 365 * 86_400


def validate_life(spec: ExperimentSpec) -> Iterator[Problem]:
    """Yield what is wrong with them; what is absent is right."""
    if spec.on_complete is not None and spec.on_complete not in ON_COMPLETE:
        yield "spec.onComplete", f"must be {' or '.join(ON_COMPLETE)}: {spec.on_complete}"
    yield from _validate_range("spec.maxRetries", spec.max_retries, 0, MAX_RETRIES)
    yield from _validate_range("spec.maxDurationSeconds", spec.max_duration_seconds, 1, MAX_SECONDS)
    stale = spec.max_trials_without_improvement
    yield from _validate_range("spec.maxTrialsWithoutImprovement", stale, 1, 2**31 - 1)


def _validate_range(path: str, value: int | None, least: int, most: int) -> Iterator[Problem]:
    if value is not None and not least <= value <= most:
        yield path, f"must be from {least} to {most}"
