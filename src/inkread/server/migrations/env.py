"""Alembic's entry: applies the migrations on the connection that `inkread.server.users` opened.

Usage: none by hand; ``Users(url)`` runs it
"""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=None)
with context.begin_transaction():
    context.run_migrations()
