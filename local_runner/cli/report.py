"""`kuttab report`: write the HTML report of an Experiment, also while it runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from local_runner.cli.options import DEFAULT_NAMESPACE, directory_option, experiment_argument, namespace_option

if TYPE_CHECKING:
    from infra.settings import Settings
    from local_runner.report.material import Material


@click.command()
@experiment_argument
@click.option("-f", "--file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where it goes.")
@namespace_option
@directory_option
def command(*, name: str, file: Path | None, namespace: str | None, directory: Path | None) -> None:
    """Write the report of the experiment NAME: plots of its search and a table of its Trials."""
    import asyncio

    from local_runner.cli.opening import load_settings, report_path
    from local_runner.report.page import write_report

    settings = load_settings(directory)
    material = asyncio.run(_read(settings, namespace or DEFAULT_NAMESPACE, name))
    path = file or report_path(settings.directory, material.experiment)
    write_report(material, path)
    click.echo(path)


async def _read(settings: "Settings", namespace: str, name: str) -> "Material":
    from local_runner.cli.errors import not_found
    from local_runner.cli.opening import open_reader
    from local_runner.report.material import Material

    async with open_reader(settings) as reader:
        experiment = await reader.experiment(namespace, name)
        if experiment is None:
            raise not_found("experiments", name)
        return Material(experiment, await reader.all_trials(experiment.uid))
