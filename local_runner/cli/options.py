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
directory_option = click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the runner keeps its state; .kuttab unless KUTTAB_DIRECTORY says otherwise.",
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
