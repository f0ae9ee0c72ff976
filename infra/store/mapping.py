"""Tables, and how the plain classes of the domain are mapped to them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
)
from sqlalchemy.orm import registry

from events.envelope import decode, encode
from events.experiment import ExperimentSpec, FrontTrial, OptimalTrial
from events.objective import EarlyStoppingRule
from events.resource import Condition
from events.search_space import ParameterAssignment
from events.trial import FailureClass, TargetKind, TrialAttempt
from functions.experiment.model import Experiment
from functions.experiment.reasons import Phase
from functions.experiment.sources import WarmSource
from functions.observation.early_stopping.progress import Progress
from functions.observation.pusher import Pusher
from functions.suggestion.model import Suggestion
from functions.trial.model import StopReason, Trial, TrialState
from infra.store.types import (
    KEY,
    LONG_TEXT,
    NAME,
    VECTOR,
    WIDE_KEY,
    WORD,
    Choice,
    Moment,
    document_of,
    documents_of,
    event_document,
    fold_document,
    numbers,
    plain_json,
    value_of,
    values_of,
)

metadata = MetaData()
mapper_registry = registry(metadata=metadata)

experiments = Table(
    "experiments",
    metadata,
    Column("uid", KEY, primary_key=True),
    Column("namespace", KEY, nullable=False),
    Column("name", KEY, nullable=False),
    Column("live_name", WIDE_KEY, nullable=True),
    Column("spec", document_of(ExperimentSpec), nullable=False),
    Column("labels", plain_json(), nullable=False),
    Column("annotations", plain_json(), nullable=False),
    Column("generate_name", LONG_TEXT, nullable=False),
    Column("target", WORD),
    Column("phase", Choice(Phase), nullable=False),
    Column("conditions", documents_of(Condition), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("completed_at", Moment),
    Column("deleted_at", Moment),
    Column("restarted_at", Moment),
    Column("seq", Integer, nullable=False),
    Column("created_count", Integer, nullable=False),
    Column("pending", Integer, nullable=False),
    Column("running", Integer, nullable=False),
    Column("succeeded", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("killed", Integer, nullable=False),
    Column("early_stopped", Integer, nullable=False),
    Column("metrics_unavailable", Integer, nullable=False),
    Column("is_search_ended", Boolean(create_constraint=False), nullable=False),
    Column("searching_until", Moment),
    Column("optimal", document_of(OptimalTrial)),
    Column("optimal_value", Double),
    Column("front", documents_of(FrontTrial), nullable=False),
    Column("warm_sources", documents_of(WarmSource), nullable=False),
    Column("feasible_count", Integer, nullable=False),
    Column("stale_count", Integer, nullable=False),
    Column("completion", Integer, nullable=False),
    Column("notified_completion", Integer, nullable=False),
    Column("notified", plain_json(), nullable=False),
    Column("edit_id", WIDE_KEY, nullable=False),
    Column("edited_version", Integer, nullable=False),
    Column("error", LONG_TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    Column("due_at", Moment),
    Column("nudges", Integer, nullable=False),
    UniqueConstraint("live_name", name="uq_experiments_live_name"),
    Index("ix_experiments_due_at", "due_at"),
    Index("ix_experiments_namespace_created_at", "namespace", "created_at"),
)

suggestions = Table(
    "suggestions",
    metadata,
    Column("experiment_uid", KEY, primary_key=True),
    Column("algorithm", KEY, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("lease_token", WIDE_KEY, nullable=False),
    Column("lease_holder", WIDE_KEY, nullable=False),
    Column("lease_until", Moment),
    Column("claims", Integer, nullable=False),
    Column("state", plain_json()),
    Column("note", LONG_TEXT, nullable=False),
    Column("suggestion_count", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("error", LONG_TEXT, nullable=False),
)

trials = Table(
    "trials",
    metadata,
    Column("experiment_uid", KEY, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("uid", KEY, nullable=False),
    Column("namespace", KEY, nullable=False),
    Column("name", WIDE_KEY, nullable=False),
    Column("target", Choice(TargetKind), nullable=False),
    Column("runner_selector", plain_json(), nullable=False),
    Column("assignments", documents_of(ParameterAssignment), nullable=False),
    Column("labels", plain_json(), nullable=False),
    Column("rules", documents_of(EarlyStoppingRule), nullable=False),
    Column("vector", VECTOR, nullable=False),
    Column("caused_by", WIDE_KEY, nullable=False),
    Column("state", Choice(TrialState), nullable=False),
    Column("reason", NAME, nullable=False),
    Column("message", LONG_TEXT, nullable=False),
    Column("failure", Choice(FailureClass)),
    Column("attempt", Integer, nullable=False),
    Column("attempts", documents_of(TrialAttempt), nullable=False),
    Column("leftover", numbers(), nullable=False),
    Column("retry_at", Moment),
    Column("host", WIDE_KEY, nullable=False),
    Column("claimed_by", WIDE_KEY, nullable=False),
    Column("reference", LONG_TEXT, nullable=False),
    Column("lease_until", Moment),
    Column("created_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("completed_at", Moment),
    Column("outcome", event_document(encode, decode)),
    Column("settle_until", Moment),
    Column("log_source", WIDE_KEY, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("pushers", values_of(Pusher), nullable=False),
    Column("fold", fold_document(), nullable=False),
    Column("value", Double),
    Column("measures", VECTOR, nullable=False),
    Column("progress", value_of(Progress), nullable=False),
    Column("seq", Integer),
    Column("stop_reason", Choice(StopReason)),
    Column("stop_sent_at", Moment),
    Column("missing_since", Moment),
    Column("is_hidden", Boolean(create_constraint=False), nullable=False),
    Column("removed_at", Moment),
    Column("due_at", Moment),
    Column("nudges", Integer, nullable=False),
    UniqueConstraint("uid", name="uq_trials_uid"),
    Index("ix_trials_namespace_name", "namespace", "name"),
    Index("ix_trials_experiment_seq", "experiment_uid", "seq"),
    Index("ix_trials_experiment_state", "experiment_uid", "state"),
    Index("ix_trials_experiment_caused_by", "experiment_uid", "caused_by"),
    Index("ix_trials_experiment_removed_at", "experiment_uid", "removed_at"),
    Index("ix_trials_host_removed_at", "host", "removed_at"),
    Index("ix_trials_due_at", "due_at"),
)

observation_logs = Table(
    "observation_logs",
    metadata,
    Column("trial_uid", KEY, primary_key=True),
    Column("source", WIDE_KEY, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("metric", NAME, primary_key=True),
    Column("value", LONG_TEXT, nullable=False),
    Column("time", Moment),
)

rungs = Table(
    "rungs",
    metadata,
    Column("experiment_uid", KEY, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("rung", WORD, primary_key=True),
    Column("value", Double, nullable=False),
    Index("ix_rungs_experiment_rung_number", "experiment_uid", "rung", "number", "value"),
)

hosts = Table(
    "hosts",
    metadata,
    Column("name", WIDE_KEY, primary_key=True),
    Column("slots", Integer, nullable=False),
    Column("busy", Integer, nullable=False),
    Column("labels", plain_json(), nullable=False),
    Column("beat_at", Moment, nullable=False),
    Column("suspected_at", Moment),
    Column("lost_at", Moment),
)

launch_queues = Table(
    "launch_queues",
    metadata,
    Column("name", KEY, primary_key=True),
    Column("noted_at", Moment, nullable=False),
)
"""The queues of selectors in use, and about when they last were: a host reads those that its labels satisfy."""

tombstones = Table(
    "tombstones",
    metadata,
    Column("uid", KEY, primary_key=True),
    Column("buried_at", Moment, nullable=False),
    Index("ix_tombstones_buried_at", "buried_at"),
)


def map_domain() -> None:
    """Map the plain classes, once a process."""
    if Experiment not in {mapper.class_ for mapper in mapper_registry.mappers}:
        mapper_registry.map_imperatively(Experiment, experiments, version_id_col=experiments.c.version)
        mapper_registry.map_imperatively(Suggestion, suggestions)
        mapper_registry.map_imperatively(Trial, trials)
