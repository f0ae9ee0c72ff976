"""Suggestion resource and its event."""

from typing import ClassVar

from pydantic import Field

from .objective import EarlyStopping, EarlyStoppingRule
from .reference import ExperimentEvent
from .resource import API_VERSION, Condition, Model, ObjectMeta, Setting, Timestamp
from .search_space import ParameterAssignment


class Algorithm(Model):
    """The suggester and its settings."""

    algorithm_name: str = ""
    algorithm_settings: tuple[Setting, ...] = ()


class TrialAssignment(Model):
    """One suggestion: the assignments of one Trial."""

    name: str
    parameter_assignments: tuple[ParameterAssignment, ...] = ()
    early_stopping_rules: tuple[EarlyStoppingRule, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)


class SuggestionSpec(Model):
    """What the Experiment asks of its algorithm."""

    algorithm: Algorithm = Field(default_factory=Algorithm)
    early_stopping: EarlyStopping | None = None
    requests: int = 0
    resume_policy: str = ""


class SuggestionStatus(Model):
    """What the algorithm has answered."""

    suggestion_count: int = 0
    message: str = ""
    """What the algorithm says of its search, which Katib has no field for: `auto` says what it uses and why."""
    suggestions: tuple[TrialAssignment, ...] = ()
    start_time: Timestamp | None = None
    conditions: tuple[Condition, ...] = ()


class SuggestionResource(Model):
    """A Suggestion as `kubectl get suggestion -o yaml` shows it."""

    api_version: str = API_VERSION
    kind: str = "Suggestion"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: SuggestionSpec = Field(default_factory=SuggestionSpec)
    status: SuggestionStatus = Field(default_factory=SuggestionStatus)


class SuggestionRequested(ExperimentEvent):
    """An Experiment has free slots and wants Trials for them."""

    type: ClassVar[str] = "kuttab.suggestion.requested.v1"
