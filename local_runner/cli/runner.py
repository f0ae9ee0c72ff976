"""`kuttab runner`: one host of a deployment."""

from pathlib import Path

import click

from local_runner.cli.deploying import deployment_options, require_deployment, serve


@click.command()
@click.option(
    "--slots", type=click.IntRange(0, 10_000), metavar="N", help="Process Workers that may run here at a time."
)
@click.option("--labels", metavar="K=V[,K=V]", help="What this host is good for; Trials ask for it by runnerSelector.")
@click.option("--host", metavar="NAME", help="The name of this host; one that is kept in the directory unless given.")
@click.option("--targets", metavar="KIND[,KIND]", help="Whose launches: process, kubernetes, batch; process.")
@deployment_options
def command(
    *,
    slots: int | None,
    labels: str | None,
    targets: str | None,
    host: str | None,
    directory: Path | None,
    health_port: int | None,
    log_level: str,
) -> None:
    """Run the functions and the process Workers of a deployment on this host, until SIGTERM or Ctrl-C.

    Any number of runners work side by side on one broker and one database. When one stops it finishes what it has in
    hand; its Workers live on, and the next runner of the same directory adopts them.
    """
    lists = {"labels": _split(labels), "targets": _split(targets)}
    settings = require_deployment(directory, **lists, slots=slots, host=host, health_port=health_port)

    from local_runner.cli.opening import name_database
    from local_runner.deployment import run_runner

    database = name_database(settings)
    serve(run_runner(settings), log_level, database=database)


def _split(text: str | None) -> tuple[str, ...] | None:
    return tuple(part for part in text.split(",") if part) if text else None
