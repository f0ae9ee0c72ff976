"""`kuttab clock`: the passing of time of a deployment."""

from pathlib import Path

import click

from local_runner.cli.deploying import deployment_options, require_deployment, serve


@click.command()
@click.option(
    "--every", type=click.FloatRange(0.1, 3_600), metavar="SECONDS", help="Between two ticks; 1 unless given."
)
@deployment_options
def command(*, every: float | None, directory: Path | None, health_port: int | None, log_level: str) -> None:
    """Publish a tick again and again, until SIGTERM or Ctrl-C: what was lost is found again by it.

    One is enough; with several, a deployment outlives the loss of one.
    """
    settings = require_deployment(directory, tick_seconds=every, health_port=health_port)

    from local_runner.deployment import run_clock

    serve(run_clock(settings), log_level)
