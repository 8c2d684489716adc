"""Run by Alembic: upgrades over the connection that upgrade.py opened, inside the transaction that it began."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
