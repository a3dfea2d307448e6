"""The record of the loop: its turns and their stages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The record of the loop."""
    op.create_table(
        "loop_runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("lock", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loop_runs")),
        sa.UniqueConstraint("lock", name=op.f("uq_loop_runs_lock")),
    )
    op.create_table(
        "loop_stages",
        sa.Column("loop_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["loop_id"], ["loop_runs.id"], name=op.f("fk_loop_stages_loop_id_loop_runs")
        ),
        sa.PrimaryKeyConstraint("loop_id", "name", name=op.f("pk_loop_stages")),
    )


def downgrade() -> None:
    """Undo it."""
    op.drop_table("loop_stages")
    op.drop_table("loop_runs")
