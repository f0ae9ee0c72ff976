"""Open what a command works on: the settings, the database for reading, a runner; each with errors of one line."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from events.envelope import Event
from functions.errors import KuttabError
from functions.experiment.model import Experiment
from infra.settings import Settings
from infra.store.engine import make_engine
from infra.store.reader import SQLReader
from infra.store.schema import require_head, upgrade

if TYPE_CHECKING:
    from local_runner.embedded import EmbeddedRunner

DATABASE = "kuttab.db"


class NoDatabaseError(KuttabError):
    """Nothing has run in this directory yet."""


class DatabaseError(KuttabError):
    """The database cannot be used: mend what the message says, or move the file away and begin anew."""


def load_settings(directory: Path | None, *, slots: int | None = None) -> Settings:
    """Read the environment and what the command line says besides. Raises SettingsError."""
    return Settings.load(directory=directory, slots=slots)


def has_database(settings: Settings) -> bool:
    """Tell whether anything has run in this directory."""
    return (settings.directory / DATABASE).exists()


def require_database(settings: Settings) -> Path:
    """Return the path of the directory's database. Raises NoDatabaseError."""
    path = settings.directory / DATABASE
    if not has_database(settings):
        raise NoDatabaseError(f"there is no {path}: `kuttab run FILE` makes one, --dir names another directory")
    return path


@asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[SQLReader]:
    """Open the directory's database, whether or not a runner is at work on it."""
    path = require_database(settings)
    engine = make_engine(settings.database_url)
    try:
        with database_errors(path):
            await require_head(engine)
            yield SQLReader(engine)
    finally:
        await engine.dispose()


async def upgrade_database(settings: Settings) -> None:
    """Bring the schema to this version."""
    path = require_database(settings)
    engine = make_engine(settings.database_url)
    try:
        with database_errors(path):
            await upgrade(engine)
    finally:
        await engine.dispose()


def report_path(directory: Path, experiment: Experiment) -> Path:
    """Return where an Experiment's report goes unless the user says otherwise."""
    prefix = "" if experiment.namespace == "default" else f"{experiment.namespace}."
    return directory / "reports" / f"{prefix}{experiment.name}.html"


@asynccontextmanager
async def open_runner(
    settings: Settings, *, on_event: Callable[[Event], None] | None = None
) -> AsyncIterator["EmbeddedRunner"]:
    """Become the runner of the directory; leaving detaches."""
    from local_runner.embedded import EmbeddedRunner

    with database_errors(settings.directory / DATABASE):
        async with EmbeddedRunner(settings, on_event=on_event) as runner:
            yield runner


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Name the file and the database's own word, not the statement."""
    try:
        yield
    except DBAPIError as error:
        raise DatabaseError(f"{path}: {error.orig}") from error
    except SQLAlchemyError as error:
        raise DatabaseError(f"{path}: {error}") from error
