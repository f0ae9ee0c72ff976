"""`kuttab submit`: check Experiment files and leave them to the runner of this directory."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from local_runner.cli.options import config_map_option, directory_option, namespace_option

if TYPE_CHECKING:
    from infra.settings import Settings
    from local_runner.checking import Submission


@click.command()
@click.argument("file", type=click.Path(allow_dash=True))
@namespace_option
@config_map_option
@click.option(
    "--target",
    metavar="KIND",
    help="Where Workers run: process, kubernetes, batch or external; else as the template says.",
)
@directory_option
def command(
    *, file: str, namespace: str | None, config_maps: tuple[str, ...], target: str | None, directory: Path | None
) -> None:
    """Hand the Experiments of FILE ('-' is standard input) to the runner of this directory and return."""
    import asyncio

    from infra.target.kubernetes_presence import is_cluster_configured
    from local_runner.checking import check
    from local_runner.cli.acting import leave_in_inbox
    from local_runner.cli.opening import load_settings
    from local_runner.cluster_config_maps import gather_config_maps
    from local_runner.documents import load_documents

    settings = load_settings(directory)
    documents = load_documents(file)
    submissions = check(
        documents,
        namespace=namespace,
        target=target,
        config_maps=gather_config_maps(documents, config_maps),
        has_cluster=is_cluster_configured(),
    )
    asyncio.run(_require_free_names(settings, submissions))
    for submission in submissions:
        leave_in_inbox(settings, submission.event)
        click.echo(f"experiment.kubeflow.org/{submission.ref.name} created")


async def _require_free_names(settings: "Settings", submissions: Sequence["Submission"]) -> None:
    """Refuse what the runner would refuse later, where nobody would read it."""
    from local_runner.cli.opening import has_database, open_reader
    from local_runner.cli.room import require_free_name

    if has_database(settings):
        async with open_reader(settings) as reader:
            for submission in submissions:
                await require_free_name(reader, submission.ref, can_replace=False)
