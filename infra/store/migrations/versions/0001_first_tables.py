"""Create the tables of the first version."""

import sqlalchemy as sa
from alembic import op

from infra.store.types import KEY, LONG_TEXT, NAME, VECTOR, WIDE_KEY, WORD, Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BOOLEAN = sa.Boolean(create_constraint=False)


def _create_experiments() -> None:
    op.create_table(
        "experiments",
        sa.Column("uid", KEY, primary_key=True, autoincrement=False),
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("live_name", WIDE_KEY),
        sa.Column("spec", LONG_TEXT, nullable=False),
        sa.Column("labels", LONG_TEXT, nullable=False),
        sa.Column("annotations", LONG_TEXT, nullable=False),
        sa.Column("generate_name", LONG_TEXT, nullable=False),
        sa.Column("target", WORD),
        sa.Column("phase", WORD, nullable=False),
        sa.Column("conditions", LONG_TEXT, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("completed_at", Moment),
        sa.Column("deleted_at", Moment),
        sa.Column("restarted_at", Moment),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("created_count", sa.Integer, nullable=False),
        sa.Column("pending", sa.Integer, nullable=False),
        sa.Column("running", sa.Integer, nullable=False),
        sa.Column("succeeded", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("killed", sa.Integer, nullable=False),
        sa.Column("early_stopped", sa.Integer, nullable=False),
        sa.Column("metrics_unavailable", sa.Integer, nullable=False),
        sa.Column("is_search_ended", BOOLEAN, nullable=False),
        sa.Column("searching_until", Moment),
        sa.Column("optimal", LONG_TEXT),
        sa.Column("optimal_value", sa.Double),
        sa.Column("front", LONG_TEXT, nullable=False),
        sa.Column("warm_sources", LONG_TEXT, nullable=False),
        sa.Column("feasible_count", sa.Integer, nullable=False),
        sa.Column("stale_count", sa.Integer, nullable=False),
        sa.Column("completion", sa.Integer, nullable=False),
        sa.Column("notified_completion", sa.Integer, nullable=False),
        sa.Column("notified", LONG_TEXT, nullable=False),
        sa.Column("edit_id", WIDE_KEY, nullable=False),
        sa.Column("edited_version", sa.Integer, nullable=False),
        sa.Column("error", LONG_TEXT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("due_at", Moment),
        sa.Column("nudges", sa.Integer, nullable=False),
        sa.UniqueConstraint("live_name", name="uq_experiments_live_name"),
    )
    op.create_index("ix_experiments_due_at", "experiments", ["due_at"])
    op.create_index("ix_experiments_namespace_created_at", "experiments", ["namespace", "created_at"])


def _create_hosts() -> None:
    op.create_table(
        "hosts",
        sa.Column("name", WIDE_KEY, primary_key=True, autoincrement=False),
        sa.Column("slots", sa.Integer, nullable=False),
        sa.Column("busy", sa.Integer, nullable=False),
        sa.Column("labels", LONG_TEXT, nullable=False),
        sa.Column("beat_at", Moment, nullable=False),
        sa.Column("suspected_at", Moment),
        sa.Column("lost_at", Moment),
    )


def _create_launch_queues() -> None:
    op.create_table(
        "launch_queues",
        sa.Column("name", KEY, primary_key=True, autoincrement=False),
        sa.Column("noted_at", Moment, nullable=False),
    )


def _create_observation_logs() -> None:
    op.create_table(
        "observation_logs",
        sa.Column("trial_uid", KEY, primary_key=True, autoincrement=False),
        sa.Column("source", WIDE_KEY, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("metric", NAME, primary_key=True, autoincrement=False),
        sa.Column("value", LONG_TEXT, nullable=False),
        sa.Column("time", Moment),
    )


def _create_rungs() -> None:
    op.create_table(
        "rungs",
        sa.Column("experiment_uid", KEY, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("rung", WORD, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Double, nullable=False),
    )
    op.create_index("ix_rungs_experiment_rung_number", "rungs", ["experiment_uid", "rung", "number", "value"])


def _create_suggestions() -> None:
    op.create_table(
        "suggestions",
        sa.Column("experiment_uid", KEY, primary_key=True, autoincrement=False),
        sa.Column("algorithm", KEY, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("lease_token", WIDE_KEY, nullable=False),
        sa.Column("lease_holder", WIDE_KEY, nullable=False),
        sa.Column("lease_until", Moment),
        sa.Column("claims", sa.Integer, nullable=False),
        sa.Column("state", LONG_TEXT),
        sa.Column("note", LONG_TEXT, nullable=False),
        sa.Column("suggestion_count", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("error", LONG_TEXT, nullable=False),
    )


def _create_tombstones() -> None:
    op.create_table(
        "tombstones",
        sa.Column("uid", KEY, primary_key=True, autoincrement=False),
        sa.Column("buried_at", Moment, nullable=False),
    )
    op.create_index("ix_tombstones_buried_at", "tombstones", ["buried_at"])


def _create_trials() -> None:
    op.create_table(
        "trials",
        sa.Column("experiment_uid", KEY, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("uid", KEY, nullable=False),
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("name", WIDE_KEY, nullable=False),
        sa.Column("target", WORD, nullable=False),
        sa.Column("runner_selector", LONG_TEXT, nullable=False),
        sa.Column("assignments", LONG_TEXT, nullable=False),
        sa.Column("labels", LONG_TEXT, nullable=False),
        sa.Column("rules", LONG_TEXT, nullable=False),
        sa.Column("vector", VECTOR, nullable=False),
        sa.Column("caused_by", WIDE_KEY, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("reason", NAME, nullable=False),
        sa.Column("message", LONG_TEXT, nullable=False),
        sa.Column("failure", WORD),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("attempts", LONG_TEXT, nullable=False),
        sa.Column("leftover", LONG_TEXT, nullable=False),
        sa.Column("retry_at", Moment),
        sa.Column("host", WIDE_KEY, nullable=False),
        sa.Column("claimed_by", WIDE_KEY, nullable=False),
        sa.Column("reference", LONG_TEXT, nullable=False),
        sa.Column("lease_until", Moment),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("started_at", Moment),
        sa.Column("completed_at", Moment),
        sa.Column("outcome", LONG_TEXT),
        sa.Column("settle_until", Moment),
        sa.Column("log_source", WIDE_KEY, nullable=False),
        sa.Column("cursor", sa.BigInteger, nullable=False),
        sa.Column("pushers", LONG_TEXT, nullable=False),
        sa.Column("fold", LONG_TEXT, nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("measures", VECTOR, nullable=False),
        sa.Column("progress", LONG_TEXT, nullable=False),
        sa.Column("seq", sa.Integer),
        sa.Column("stop_reason", WORD),
        sa.Column("stop_sent_at", Moment),
        sa.Column("missing_since", Moment),
        sa.Column("is_hidden", BOOLEAN, nullable=False),
        sa.Column("removed_at", Moment),
        sa.Column("due_at", Moment),
        sa.Column("nudges", sa.Integer, nullable=False),
        sa.UniqueConstraint("uid", name="uq_trials_uid"),
    )
    op.create_index("ix_trials_due_at", "trials", ["due_at"])
    op.create_index("ix_trials_experiment_caused_by", "trials", ["experiment_uid", "caused_by"])
    op.create_index("ix_trials_experiment_removed_at", "trials", ["experiment_uid", "removed_at"])
    op.create_index("ix_trials_experiment_seq", "trials", ["experiment_uid", "seq"])
    op.create_index("ix_trials_experiment_state", "trials", ["experiment_uid", "state"])
    op.create_index("ix_trials_host_removed_at", "trials", ["host", "removed_at"])
    op.create_index("ix_trials_namespace_name", "trials", ["namespace", "name"])


def upgrade() -> None:
    """Apply."""
    _create_experiments()
    _create_hosts()
    _create_launch_queues()
    _create_observation_logs()
    _create_rungs()
    _create_suggestions()
    _create_tombstones()
    _create_trials()


def downgrade() -> None:
    """Take back."""
    names = (
        "trials",
        "tombstones",
        "suggestions",
        "rungs",
        "observation_logs",
        "launch_queues",
        "hosts",
        "experiments",
    )
    for name in names:
        op.drop_table(name)
