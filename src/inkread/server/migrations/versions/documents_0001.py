"""Documents: uploads, pages, versions, texts to search, shares, deletions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "documents_0001"
down_revision = "users_0001"

ID, HASH, NAME, USER, WORD = sa.String(26), sa.String(64), sa.String(200), sa.String(64), sa.String(16)


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _document() -> sa.Column[object]:
    return sa.Column("document", ID, sa.ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)


def _key(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "documents",
        sa.Column("id", ID, primary_key=True),
        sa.Column("name", NAME, nullable=False),
        sa.Column("collection", NAME, nullable=False),
        sa.Column("owner", USER, nullable=False, index=True),
        sa.Column("state", WORD, nullable=False),
        _time("created", nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), index=True),
        sa.Column("sequence", sa.Integer, nullable=False),
        _time("served"),
        sa.Column("webhook", sa.Text, nullable=False),
        _time("webhook_due"),
        sa.Column("webhook_tries", sa.Integer, nullable=False),
    )
    op.create_table(
        "document_uploads",
        _document(),
        _key("number"),
        sa.Column("name", NAME, nullable=False),
        sa.Column("sha256", HASH, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("pages", sa.Integer),
        sa.Column("claim", ID, nullable=False),
        _time("claimed_until"),
        sa.Column("tries", sa.Integer, nullable=False),
    )
    op.create_table(
        "document_pages",
        _document(),
        _key("number"),
        sa.Column("upload", sa.Integer, nullable=False),
        sa.Column("index", sa.Integer, nullable=False),
        sa.Column("state", WORD, nullable=False, index=True),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("sha256", HASH, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("width", "height", "lines")),
        sa.Column("confidence", sa.Float),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("revision", "sequence")),
        sa.Column("user", USER, nullable=False),
        _time("time", nullable=False),
        sa.Column("claim", ID, nullable=False),
        _time("claimed_until"),
        sa.Column("tries", sa.Integer, nullable=False),
    )
    op.create_table(
        "document_versions",
        _document(),
        _key("page"),
        _key("revision"),
        sa.Column("user", USER, nullable=False),
        _time("time", nullable=False),
        sa.Column("action", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("changes", sa.JSON, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "document_texts",
        _document(),
        *(_key(name) for name in ("page", "position", "alternative")),
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("folded", sa.Text, nullable=False),
    )
    op.create_table(
        "document_shares",
        _document(),
        sa.Column("user", USER, primary_key=True, index=True),
        sa.Column("role", WORD, nullable=False),
    )
    op.create_table("document_deletions", sa.Column("document", ID, primary_key=True))


def downgrade() -> None:
    """Drop them."""
    for name in ("deletions", "shares", "texts", "versions", "pages", "uploads"):
        op.drop_table(f"document_{name}")
    op.drop_table("documents")
