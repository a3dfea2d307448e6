"""Runs the migrations on the connection that `Database.migrate` hands over."""

from alembic import context

from assay.store import account_tables, lineage_tables, loop_tables, monitor_tables, tables
from assay.store.columns import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()

__all__ = ["account_tables", "lineage_tables", "loop_tables", "monitor_tables", "tables"]
