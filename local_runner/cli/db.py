"""`kuttab db`: look after the database."""

from pathlib import Path

import click

from local_runner.cli.options import directory_option


@click.group()
def command() -> None:
    """Look after the database of this directory, or of a deployment."""


@command.command()
@directory_option
def upgrade(*, directory: Path | None) -> None:
    """Bring the database's schema to this version; the runner does it by itself when it starts."""
    import asyncio

    from local_runner.cli.opening import load_settings, upgrade_database

    asyncio.run(upgrade_database(load_settings(directory)))
    click.echo("the database's schema is up to date")
