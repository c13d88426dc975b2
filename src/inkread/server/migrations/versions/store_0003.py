"""Which deleted documents may still be in datasets only; tags."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "store_0003"
down_revision = "documents_0002"


def upgrade() -> None:
    """Add the column and the table."""
    column = sa.Column("erased", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("document_deletions", column)
    op.create_table(
        "document_tags",
        sa.Column("document", sa.String(26), sa.ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("page", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tag", sa.String(64), primary_key=True, index=True),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("document_tags")
    op.drop_column("document_deletions", "erased")
