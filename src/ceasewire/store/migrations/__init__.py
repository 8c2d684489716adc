"""Alembic's scripts. Imported only when a store of an older revision is opened for writing."""
