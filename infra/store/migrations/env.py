"""Alembic's entry: it runs on the connection that `infra.store.schema` hands over."""

from alembic import context

from infra.store.mapping import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
