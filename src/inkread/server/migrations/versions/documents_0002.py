"""Documents: which datasets were made of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "documents_0002"
down_revision = "documents_0001"


def upgrade() -> None:
    """Make the table; it has no foreign key, because it outlives the document."""
    op.create_table(
        "document_uses",
        sa.Column("document", sa.String(26), primary_key=True),
        sa.Column("dataset", sa.String(64), primary_key=True),
        sa.Column("lines", sa.Integer, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("document_uses")
