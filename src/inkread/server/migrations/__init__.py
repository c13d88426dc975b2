"""Changes of the users' tables, one a module, applied by Alembic when a service starts."""
