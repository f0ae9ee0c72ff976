"""`kuttab run`: check Experiment files, run them here, and watch them to their end."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from local_runner.cli.options import config_map_option, namespace_option, view_options

if TYPE_CHECKING:
    from local_runner.checking import Submission
    from local_runner.embedded import EmbeddedRunner


@click.command()
@click.argument("file", type=click.Path(allow_dash=True))
@namespace_option
@config_map_option
@click.option(
    "--target",
    metavar="KIND",
    help="Where Workers run: process, kubernetes, batch or external; else as the template says.",
)
@click.option("--replace", "is_replacing", is_flag=True, help="Delete an Experiment of the same name first.")
@view_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    file: str,
    namespace: str | None,
    config_maps: tuple[str, ...],
    target: str | None,
    is_replacing: bool,
    slots: int | None,
    is_json: bool,
    report: Path | None,
    is_silent: bool,
    directory: Path | None,
) -> None:
    """Run the Experiments of FILE ('-' is standard input) and watch them to their end.

    The first Ctrl-C detaches: Workers live on, and `kuttab resume` goes on with them. A second one stops the Workers.
    """
    import asyncio

    from infra.target.kubernetes_presence import is_cluster_configured
    from local_runner.checking import check
    from local_runner.cli.foreground import Options, run_foreground
    from local_runner.cli.opening import load_settings
    from local_runner.cluster_config_maps import gather_config_maps
    from local_runner.documents import load_documents

    documents = load_documents(file)
    submissions = check(
        documents,
        namespace=namespace,
        target=target,
        config_maps=gather_config_maps(documents, config_maps),
        has_cluster=is_cluster_configured(),
    )
    if report and len(submissions) > 1:
        raise click.UsageError("--report names one file, and FILE holds several Experiments")
    options = Options(is_json=is_json, report=report, is_silent=is_silent)

    async def begin(runner: "EmbeddedRunner") -> Sequence[str]:
        return await _submit(runner, submissions, is_replacing=is_replacing)

    ctx.exit(asyncio.run(run_foreground(load_settings(directory, slots=slots), options, begin)))


async def _submit(
    runner: "EmbeddedRunner", submissions: Sequence["Submission"], *, is_replacing: bool
) -> Sequence[str]:
    """Make sure that every name is free, then publish all."""
    from local_runner.cli.room import make_room

    for submission in submissions:
        await make_room(runner, submission.ref, is_replacing=is_replacing)
    for submission in submissions:
        await runner.submit(submission.event)
    return [submission.ref.uid for submission in submissions]
