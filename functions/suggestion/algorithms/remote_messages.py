"""What an algorithm behind a URL is asked, and what it answers: the contract is these models' JSON Schema."""

import json
import math
from collections.abc import Iterator, Mapping

from pydantic import Field
from pydantic.json_schema import models_json_schema

from events.experiment import ExperimentSpec
from events.objective import Objective, ObjectiveType
from events.resource import Manifest, Model, Text
from events.search_space import ParameterSpec
from functions.suggestion.algorithms.interface import Request
from functions.suggestion.search_space import Row, SearchSpace

MAX_TRIALS = 10_000
"""Finished Trials of one question, the newest: a few megabytes."""


class QuestionObjective(Model):
    """One objective."""

    metric: str
    type: ObjectiveType


class QuestionTrial(Model):
    """A finished Trial: a loss for each objective, less is better whatever its type; null where there is none."""

    number: int
    parameters: dict[str, str]
    losses: tuple[float | None, ...]
    violation: float | None = 0.0
    """How far it breaks the constraints on metrics; null where that is not known."""
    failed: bool = False


class PendingTrial(Model):
    """An active Trial."""

    number: int
    parameters: dict[str, str]


class Question(Model):
    """An Experiment wants `count` more suggestions. The same question must have the same answer."""

    version: int = 1
    experiment: str
    objectives: tuple[QuestionObjective, ...]
    parameters: tuple[ParameterSpec, ...]
    parameter_constraints: tuple[str, ...] = ()
    settings: dict[str, str]
    count: int
    first_number: int
    max_trial_count: int | None
    seed: int
    state: Manifest | None
    """What the last answer gave to be kept."""
    trials: tuple[QuestionTrial, ...]
    pending: tuple[PendingTrial, ...]


class ReplySuggestion(Model):
    """The point of a new Trial, with a value for every parameter that it has."""

    parameters: dict[str, Text]
    labels: dict[str, str] = Field(default_factory=dict)


class Reply(Model):
    """At most `count` suggestions, what to keep, and whether nothing will ever follow them.

    More suggestions than that are left out, and then nothing has ended.
    """

    suggestions: tuple[ReplySuggestion, ...] = ()
    state: Manifest | None = None
    is_end: bool = False
    note: str = Field(default="", max_length=1_000)


def to_question(request: Request, settings: Mapping[str, str]) -> Question:
    """Write a request down."""
    space = request.space
    pending = zip(request.pending, request.pending_numbers, strict=True)
    return Question(
        experiment=request.experiment.uid if request.experiment else "",
        objectives=tuple(_objectives(request.spec)),
        parameters=request.spec.parameters,
        parameter_constraints=request.spec.parameter_constraints or (),
        settings=dict(settings),
        count=request.count,
        first_number=request.first_number,
        max_trial_count=request.max_trial_count,
        seed=request.seed,
        state=request.state,
        trials=tuple(_trials(request)),
        pending=tuple(PendingTrial(number=number, parameters=_texts(space, row)) for row, number in pending),
    )


def _trials(request: Request) -> Iterator[QuestionTrial]:
    space, history = request.space, request.history
    begin = max(0, len(history) - MAX_TRIALS)
    rows = map(tuple, history.rows[begin:].tolist())
    numbers, failed = history.numbers[begin:].tolist(), history.is_failed[begin:].tolist()
    losses, violations = history.losses[begin:].tolist(), history.violations[begin:].tolist()
    facts = zip(rows, numbers, losses, violations, failed, strict=True)
    for row, number, each, violation, is_failed in facts:
        yield QuestionTrial(
            number=number,
            parameters=_texts(space, row),
            losses=tuple(map(_finite, each)),
            violation=_finite(violation),
            failed=is_failed,
        )


def _objectives(spec: ExperimentSpec) -> list[QuestionObjective]:
    given = spec.objectives or (spec.objective or Objective(),)
    return [QuestionObjective(metric=it.objective_metric_name, type=it.type or ObjectiveType.MAXIMIZE) for it in given]


def _texts(space: SearchSpace, row: Row) -> dict[str, str]:
    return {assignment.name: assignment.value for assignment in space.to_assignments(row)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def render_schema() -> str:
    """Return the JSON Schema of both messages, as it is published."""
    _, schema = models_json_schema([(Question, "serialization"), (Reply, "validation")], by_alias=True)
    return json.dumps(schema, indent=2) + "\n"
