"""Which deleted documents may still be in datasets only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "store_0003"
down_revision = "documents_0002"


def upgrade() -> None:
    """Add the column."""
    column = sa.Column("erased", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("document_deletions", column)


def downgrade() -> None:
    """Drop it."""
    op.drop_column("document_deletions", "erased")
