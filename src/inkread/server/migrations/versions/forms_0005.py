"""Forms: templates with their versions, batches, sheets, fields, and what people keyed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "forms_0005"
down_revision = "operator_0004"

ID, HASH, USER, WORD, FIELD = sa.String(26), sa.String(64), sa.String(64), sa.String(16), sa.String(150)


def _document() -> sa.Column[object]:
    return sa.Column("document", ID, sa.ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)


def _key(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)


def upgrade() -> None:
    """Make the tables."""
    op.add_column("documents", sa.Column("kind", WORD, nullable=False, server_default=""))
    op.create_table(
        "form_templates",
        _document(),
        sa.Column("name", sa.String(60), nullable=False, unique=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("figures", sa.JSON, nullable=False),
        sa.Column("drift", sa.Float, nullable=False),
    )
    op.create_table(
        "form_template_versions",
        _document(),
        _key("number"),
        sa.Column("user", USER, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("files", sa.JSON, nullable=False),
        sa.Column("digest", HASH, nullable=False),
    )
    op.create_table(
        "form_batches",
        _document(),
        sa.Column("template", ID, nullable=False, index=True),
        sa.Column("templates", sa.JSON, nullable=False),
        sa.Column("least", sa.Float, nullable=False),
        sa.Column("max_error", sa.Float),
        sa.Column("double", sa.Boolean, nullable=False),
    )
    op.create_table(
        "form_sheets",
        _document(),
        _key("number"),
        sa.Column("template", ID, nullable=False, index=True),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("version", "page", "form")),
        sa.Column("error", sa.Float, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("crops", HASH, nullable=False),
    )
    op.create_table(
        "form_fields",
        _document(),
        _key("sheet"),
        sa.Column("name", FIELD, primary_key=True),
        sa.Column("type", WORD, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("keyed", "start", "length")),
        sa.Column("reading", sa.LargeBinary, nullable=False),
    )
    op.create_index("form_fields_doubtful", "form_fields", ["document", "done", "confidence"])
    op.create_table(
        "form_keyings",
        _document(),
        _key("sheet"),
        sa.Column("name", FIELD, primary_key=True),
        _key("number"),
        sa.Column("user", USER, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("action", WORD, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("form_fields_doubtful", "form_fields")
    for name in ("keyings", "fields", "sheets", "batches", "template_versions", "templates"):
        op.drop_table(f"form_{name}")
    op.drop_column("documents", "kind")
