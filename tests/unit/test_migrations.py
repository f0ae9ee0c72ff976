"""The migrations lead to the tables that the code maps, and a database that is behind is told from one that is not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.store import schema
from infra.store.engine import make_engine
from infra.store.mapping import metadata
from infra.store.schema import HEAD, SchemaBehindError, SchemaUnknownError, read_version, require_head, upgrade

VERSIONS = Path(schema.__file__).parent / "migrations" / "versions"


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """Open an empty database."""
    opened = make_engine(f"sqlite+aiosqlite:///{tmp_path / 'kuttab.db'}")
    yield opened
    await opened.dispose()


async def test_an_upgrade_of_an_empty_database_gives_the_mapped_tables(engine: AsyncEngine) -> None:
    await upgrade(engine)

    async with engine.connect() as connection:
        differences = await connection.run_sync(_compare)
    assert differences == []


def _compare(connection: Connection) -> object:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return compare_metadata(context, metadata)


async def test_a_second_upgrade_changes_nothing(engine: AsyncEngine) -> None:
    await upgrade(engine)
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO tombstones VALUES ('uid', '2026-01-01 00:00:00')"))

    await upgrade(engine)

    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT COUNT(*) FROM tombstones")) == 1


def test_the_head_is_the_newest_file() -> None:
    newest = max(path.name for path in VERSIONS.glob("[0-9]*.py"))

    assert newest.partition("_")[0] == HEAD


@pytest.mark.parametrize("version", ["0002", "ae1027a6acf"])
async def test_a_database_of_a_newer_version_is_left_alone_and_told_so(engine: AsyncEngine, version: str) -> None:
    await upgrade(engine)
    async with engine.begin() as connection:
        await connection.execute(text(f"UPDATE alembic_version SET version_num = '{version}'"))

    for use in (upgrade, require_head):
        with pytest.raises(
            SchemaUnknownError, match=f"is at {version}, which this version of Kuttab .schema 0001. does"
        ):
            await use(engine)

    assert await read_version(engine) == version


async def test_a_downgrade_takes_every_table_back(engine: AsyncEngine) -> None:
    await upgrade(engine)

    async with engine.begin() as connection:
        await connection.run_sync(_downgrade)

    async with engine.connect() as connection:
        left = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
    assert left == {"alembic_version"}


def _downgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(VERSIONS.parent))
    config.attributes["connection"] = connection
    command.downgrade(config, "base")


async def test_an_empty_database_is_behind_and_says_what_to_do(engine: AsyncEngine) -> None:
    expected = f"the database's schema is at nothing, this version needs {HEAD}: run `kuttab db upgrade`"

    with pytest.raises(SchemaBehindError) as caught:
        await require_head(engine)

    assert str(caught.value) == expected


async def test_a_database_of_another_version_is_told_apart(engine: AsyncEngine) -> None:
    await upgrade(engine)
    await require_head(engine)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    with pytest.raises(SchemaBehindError, match=f"is at 0000, this version needs {HEAD}"):
        await require_head(engine)

    assert await read_version(engine) == "0000"
