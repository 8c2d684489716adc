"""From an older revision of the schema to the newest. Importing Alembic takes half a second, so only this module does."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from ..errors import LocalError

SCRIPTS = Path(__file__).with_name("migrations")


def upgrade(connection: Connection, revision: str = "head", scripts: Path = SCRIPTS) -> None:
    """Bring the schema to the revision, all within the caller's transaction, which the caller commits.

    Raises LocalError disk.failed when the scripts that lead there cannot be read; DBAPIError of the store itself.
    """
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except (CommandError, ImportError, OSError) as error:
        raise LocalError("disk.failed", f"the program's own files cannot be read: {error}") from error
