"""`kuttab resume`: take over what a runner has left, Workers included, and watch it to its end."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from local_runner.cli.names import complete_experiments
from local_runner.cli.options import DEFAULT_NAMESPACE, namespace_option, view_options

if TYPE_CHECKING:
    from local_runner.embedded import EmbeddedRunner

_DRAIN_SECONDS = 1.0
"""How long new Experiments of the inbox may take to appear."""


@click.command()
@click.argument("name", required=False, shell_complete=complete_experiments)
@namespace_option
@view_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    name: str | None,
    namespace: str | None,
    slots: int | None,
    is_json: bool,
    report: Path | None,
    is_silent: bool,
    directory: Path | None,
) -> None:
    """Go on with the Experiment NAME, or with all that have not ended, as `kuttab run` does."""
    import asyncio

    from local_runner.cli.foreground import Options, run_foreground
    from local_runner.cli.opening import load_settings, require_database

    settings = load_settings(directory, slots=slots)
    require_database(settings)
    options = Options(is_json=is_json, is_resumed=True, report=report, is_silent=is_silent)

    async def begin(runner: "EmbeddedRunner") -> Sequence[str]:
        return await _find(runner, name, namespace)

    ctx.exit(asyncio.run(run_foreground(settings, options, begin)))


async def _find(runner: "EmbeddedRunner", name: str | None, namespace: str | None) -> Sequence[str]:
    """Return the uids; what waits in the inbox is handled first."""
    import asyncio

    from local_runner.cli.errors import not_found

    await asyncio.sleep(_DRAIN_SECONDS)
    if name is None:
        found = [it.uid for it in await runner.reader.experiments(namespace) if not it.is_completed]
        if not found:
            click.echo("Nothing to resume: every Experiment has ended.", err=True)
        return found
    experiment = await runner.reader.experiment(namespace or DEFAULT_NAMESPACE, name)
    if experiment is None:
        raise not_found("experiments", name)
    return [experiment.uid]
