"""Which captures a dataset and a model were made of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Which captures a dataset and a model were made of."""
    op.create_table(
        "dataset_captures",
        sa.Column("dataset_version", sa.Text(), nullable=False),
        sa.Column("capture_id", sa.Text(), nullable=False),
        sa.Column("image_id", sa.Text(), nullable=False),
        sa.Column("image_digest", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("labeller", sa.Text(), nullable=False),
        sa.Column("labellers", sa.JSON(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["capture_id"], ["captures.id"], name=op.f("fk_dataset_captures_capture_id_captures")
        ),
        sa.PrimaryKeyConstraint("dataset_version", "capture_id", name=op.f("pk_dataset_captures")),
    )
    for column in ("capture_id", "image_digest"):
        name = op.f(f"ix_dataset_captures_{column}")
        op.create_index(name, "dataset_captures", [column], unique=False)
    op.create_table(
        "trained_models",
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("dataset_version", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("model_version", "dataset_version", name=op.f("pk_trained_models")),
    )
    for column in ("dataset_version", "version"):
        name = op.f(f"ix_trained_models_{column}")
        op.create_index(name, "trained_models", [column], unique=False)
    op.create_table(
        "lineage_marks",
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("capture_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("model_version", "capture_id", name=op.f("pk_lineage_marks")),
    )
    op.create_index(
        op.f("ix_lineage_marks_capture_id"), "lineage_marks", ["capture_id"], unique=False
    )


def downgrade() -> None:
    """Undo it."""
    for table in ("lineage_marks", "trained_models", "dataset_captures"):
        op.drop_table(table)
