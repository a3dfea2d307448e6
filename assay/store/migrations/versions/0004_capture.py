"""What a monitor needs of captures: their stability, and the images that got no answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Stability and refusals."""
    op.add_column("captures", sa.Column("stability", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "refusals",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "client", "code", name=op.f("pk_refusals")),
    )


def downgrade() -> None:
    """Undo it."""
    op.drop_table("refusals")
    op.drop_column("captures", "stability")
