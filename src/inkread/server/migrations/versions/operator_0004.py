"""Which API key a document came with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "operator_0004"
down_revision = "documents_0001"


def upgrade() -> None:
    """Add the column."""
    op.add_column("documents", sa.Column("key", sa.String(16), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("documents", "key")
