"""Open what a command works on: the settings, the database for reading, a runner; each with errors of one line."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from events.envelope import Event
from functions.errors import KuttabError
from functions.experiment.model import Experiment
from infra.settings import Settings
from infra.store.engine import parse_url
from infra.store.opening import one_line, open_engine
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
    """Return the database's name, see `name_database`. Raises NoDatabaseError where there is none."""
    name = name_database(settings)
    if not has_database(settings):
        raise NoDatabaseError(f"there is no {name}: `kuttab run FILE` makes one, --dir names another directory")
    return name


def name_database(settings: Settings) -> str:
    """Return the database's name for messages, without its password. Raises SettingsError for a URL that is none."""
    return parse_url(settings.database).render_as_string() if settings.database else str(settings.directory / DATABASE)


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
    from local_runner.logging_setup import log_to_file, stop_logging_to_file

    handler = log_to_file(path)
    try:
        yield
    finally:
        stop_logging_to_file(handler)


_ADVICE = {
    1044: "check the user's rights",
    1045: "check user and password",
    1049: "create it first: CREATE DATABASE",
    2003: "check that the server runs, and that --database or KUTTAB_DATABASE_URL names it",
    "unable to open": "check that its folder is there, and that you may write it",
    "readonly database": "check that you may write it and its folder",
    "is full": "make room on that disk; nothing is lost",
    "malformed": "the file is damaged: restore it from a copy, or begin anew in another --dir",
    "not a database": "move it away, or begin anew in another --dir",
}
"""What to do, by MySQL's error number or SQLite's words."""


def _advise(error: DBAPIError) -> str:
    """Return what to do about the error, or nothing."""
    said = error.orig.args[0] if error.orig and error.orig.args else ""
    is_said = said.__contains__ if isinstance(said, str) else said.__eq__
    return next((f"; {words}" for key, words in _ADVICE.items() if type(key) is type(said) and is_said(key)), "")


@contextmanager
def database_errors(path: str) -> Iterator[None]:
    """Name the file and the database's own word, not the statement."""
    try:
        yield
    except DBAPIError as error:
        raise DatabaseError(f"{path}: {one_line(error)}{_advise(error)}") from error
    except (SQLAlchemyError, OverflowError) as error:  # the latter from a port that is none
        raise DatabaseError(f"{path}: {error}") from error
