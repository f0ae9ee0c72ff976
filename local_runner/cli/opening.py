"""Open what a command works on: the settings, the database for reading, a runner; each with errors of one line."""

import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from events.envelope import Event
from functions.errors import KuttabError
from functions.experiment.model import Experiment
from infra.settings import Settings
from infra.store.opening import open_engine
from infra.store.reader import SQLReader
from infra.store.schema import require_head, upgrade

if TYPE_CHECKING:
    from local_runner.embedded import EmbeddedRunner

DATABASE = "kuttab.db"


class NoDatabaseError(KuttabError):
    """Nothing has run in this directory yet."""


class DatabaseError(KuttabError):
    """The database cannot be used: mend what the message says, or move the file away and begin anew."""


def load_settings(directory: Path | None, **overrides: object) -> Settings:
    """Read the environment and what the command line says besides. Raises SettingsError."""
    context = click.get_current_context(silent=True)
    said = context.meta if context else {}
    broker, database = said.get("kuttab.broker"), said.get("kuttab.database")
    return Settings.load(os.environ, directory=directory, broker=broker, database=database, **overrides)


def has_database(settings: Settings) -> bool:
    """Tell whether there is a database: a deployment's, or one that something has made in this directory."""
    return bool(settings.database) or (settings.directory / DATABASE).exists()


def require_database(settings: Settings) -> str:
    """Return the database's name for messages, without its password. Raises NoDatabaseError."""
    path = settings.directory / DATABASE
    if not has_database(settings):
        raise NoDatabaseError(f"there is no {path}: `kuttab run FILE` makes one, --dir names another directory")
    return make_url(settings.database).render_as_string() if settings.database else str(path)


@asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[SQLReader]:
    """Open the directory's database, whether or not a runner is at work on it."""
    path = require_database(settings)
    engine = open_engine(settings)
    try:
        with database_errors(path):
            await require_head(engine)
            yield SQLReader(engine)
    finally:
        await engine.dispose()


async def upgrade_database(settings: Settings) -> None:
    """Bring the schema to this version."""
    path = require_database(settings)
    engine = open_engine(settings)
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

    here = replace(settings, broker="", database="")
    with database_errors(str(settings.directory / DATABASE)), logged_to(settings.directory / "runner.log"):
        async with EmbeddedRunner(here, on_event=on_event) as runner:
            yield runner


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Log to this file; where that cannot be done, the runner says so when it opens the directory."""
    from local_runner.logging_setup import log_to_file

    handler = log_to_file(path)
    try:
        yield
    finally:
        logging.getLogger("kuttab").removeHandler(handler)
        handler.close()


@contextmanager
def database_errors(path: str) -> Iterator[None]:
    """Name the file and the database's own word, not the statement."""
    try:
        yield
    except DBAPIError as error:
        raise DatabaseError(f"{path}: {error.orig}") from error
    except (SQLAlchemyError, OverflowError) as error:  # the latter from a port that is none
        raise DatabaseError(f"{path}: {error}") from error
