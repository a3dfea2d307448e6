"""What captures were found to show that fact-checks have shown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Known images beside the siblings of a capture; none for those that were served before."""
    column = sa.Column("known_images", sa.JSON(), nullable=False, server_default="[]")
    op.add_column("captures", column)


def downgrade() -> None:
    """Undo it."""
    op.drop_column("captures", "known_images")
