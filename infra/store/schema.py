"""The schema's version: brought to the newest by Alembic, checked without importing it."""

from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from functions.errors import KuttabError

HEAD = "0001"
"""The newest migration; a test compares it with the files."""
_MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaBehindError(KuttabError):
    """The database is older than this version: run `kuttab db upgrade`."""


class SchemaUnknownError(KuttabError):
    """The database was made by a newer version: install that one, or use another database."""


async def read_version(engine: AsyncEngine) -> str | None:
    """Return the schema's version, or None for an empty database."""
    async with engine.connect() as connection:
        if not await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version")):
            return None
        version: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
        return version


async def require_head(engine: AsyncEngine) -> None:
    """Raise SchemaBehindError or SchemaUnknownError unless the schema is this version's."""
    version = await read_version(engine)
    _refuse_newer(version)
    if version != HEAD:
        message = (
            f"the database's schema is at {version or 'nothing'}, this version needs {HEAD}: run `kuttab db upgrade`"
        )
        raise SchemaBehindError(message)


def _refuse_newer(version: str | None) -> None:
    """Raise SchemaUnknownError for a version that no migration of ours leads to."""
    if version is not None and version > HEAD:
        message = (
            f"the database's schema is at {version}, which this version of Kuttab (schema {HEAD}) does not know:"
            " install the version that made it, or use another --dir or --database"
        )
        raise SchemaUnknownError(message)


async def upgrade(engine: AsyncEngine) -> None:
    """Bring the schema to the newest version; does nothing where it is there. Raises SchemaUnknownError."""
    version = await read_version(engine)
    _refuse_newer(version)
    if version != HEAD:
        async with engine.begin() as connection:
            await connection.run_sync(_run_migrations)


def _run_migrations(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
