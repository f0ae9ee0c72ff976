"""What the long-lived commands have in common: their options, and their errors of one line."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from functions.errors import KuttabError
from local_runner.cli.options import directory_option

if TYPE_CHECKING:
    from infra.settings import Settings

Command = TypeVar("Command", bound=Callable[..., object])


class NoDeploymentError(KuttabError):
    """The command line and the environment do not say which deployment is meant."""


def deployment_options(command: Command) -> Command:
    """Add the options of a long-lived process."""
    levels = click.Choice(["debug", "info", "warning", "error"])
    for option in (
        directory_option,
        click.option("--log-level", type=levels, default="info", help="What is logged, as lines of JSON."),
        click.option(
            "--health-port", type=click.IntRange(1, 65_535), metavar="PORT", help="Answer GET /healthz on 127.0.0.1."
        ),
    ):
        command = option(command)
    return command


def require_deployment(directory: Path | None, **overrides: object) -> "Settings":
    """Return the settings of a deployment's process. Raises NoDeploymentError, SettingsError."""
    from local_runner.cli.opening import load_settings

    settings = load_settings(directory, **overrides)
    if not settings.broker:
        raise NoDeploymentError(
            "no broker: say --broker amqp://USER:PASSWORD@HOST/ or sqs://?region=REGION, or set KUTTAB_BROKER_URL"
        )
    return settings


def serve(work: Coroutine[Any, Any, None], log_level: str, *, database: str = "") -> None:
    """Run a long-lived process; a database that cannot be used ends it with one line that begins with its name."""
    from local_runner.cli.opening import database_errors
    from local_runner.logging_setup import log_json

    log_json(log_level)
    with database_errors(database):
        asyncio.run(work)
