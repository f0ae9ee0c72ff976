"""Options that several commands share, spelt as kubectl spells them."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from local_runner.cli.names import complete_experiments

Command = TypeVar("Command", bound=Callable[..., object])

DEFAULT_NAMESPACE = "default"

namespace_option = click.option(
    "-n", "--namespace", metavar="NAME", help="The namespace; 'default' unless the file names one."
)


def _keep(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Leave the value where `load_settings` finds it: every command has it, none needs it as an argument."""
    ctx.meta[f"kuttab.{parameter.name}"] = value


def directory_option(command: Command) -> Command:
    """Add what names the place that a command works on: a directory here, or a deployment."""
    broker = (
        "The deployment's broker, amqp://USER:PASSWORD@HOST/ or sqs://?region=REGION; KUTTAB_BROKER_URL says the same."
    )
    database = "The deployment's database, such as mysql+aiomysql://USER:PASSWORD@HOST/kuttab; or KUTTAB_DATABASE_URL."
    for option in (
        click.option("--database", metavar="URL", expose_value=False, callback=_keep, help=database),
        click.option("--broker", metavar="URL", expose_value=False, callback=_keep, help=broker),
        click.option(
            "--dir",
            "directory",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Where the runner keeps its state; .kuttab unless KUTTAB_DIRECTORY says otherwise.",
        ),
    ):
        command = option(command)
    return command


config_map_option = click.option(
    "--config-map",
    "config_maps",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="A file with a ConfigMap that holds trial templates; those in the Experiment's own file are found as well.",
)

experiment_argument = click.argument("name", shell_complete=complete_experiments)


def view_options(command: Command) -> Command:
    """Add what `run` and `resume` have in common."""
    for option in (
        directory_option,
        click.option("--no-report", "is_silent", is_flag=True, help="Write no report."),
        click.option(
            "--report",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Where the HTML report goes; DIR/reports/NAME.html unless given.",
        ),
        click.option("--json", "is_json", is_flag=True, help="Print every event as a line of JSON, and nothing else."),
        click.option(
            "--slots", type=click.IntRange(1, 10_000), metavar="N", help="Workers that may run here at a time."
        ),
    ):
        command = option(command)
    return command
