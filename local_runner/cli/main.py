"""`kuttab`: the list of commands; `kuttab --help` imports none of them."""

from importlib import import_module

import click

from local_runner.cli.errors import one_line_errors

COMMANDS = {
    "run": "Run Experiment files here and watch them to their end.",
    "resume": "Go on with Experiments that a runner has left, Workers included.",
    "submit": "Hand an Experiment file to the runner of this directory.",
    "get": "List Experiments, Trials or Suggestions.",
    "describe": "Show an Experiment or a Trial in detail.",
    "explain": "Say why an Experiment is where it is, and what would move it.",
    "collect": "Show what a metrics filter finds in a log.",
    "logs": "Print the log of a Trial's Worker.",
    "scale": "Change the budget of an Experiment.",
    "stop": "End an Experiment now and stop its Workers.",
    "delete": "Delete Experiments with all that is theirs, or single Trials.",
    "report": "Write the HTML report of an Experiment.",
    "serve": "Serve the HTTP API, for kubectl and the Katib SDK.",
    "runner": "Run a deployment's functions and Workers on this host.",
    "clock": "Tick for a deployment.",
    "db": "Look after the database.",
    "completion": "Print the completion script of a shell.",
    "version": "Print the version.",
}
"""Command → what it does; the module of the same name in this package has it as `command`."""


class LazyGroup(click.Group):
    """Imports a command's module when the command is called, and keeps tracebacks from users."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of a first use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"local_runner.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the list from our own table: click would import every module for its first line."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; what it raises on purpose becomes one line."""
        with one_line_errors():
            return super().invoke(ctx)


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Tune hyperparameters with Katib's Experiment files: here, on hosts of yours, or in a cloud.

    Exit status: 0 succeeded, 1 the Experiment failed or nothing was found, 2 usage or an invalid file,
    130 interrupted. KUTTAB_DEBUG=1 shows tracebacks.
    """


def main() -> None:
    """Run the command and exit with its status."""
    cli(prog_name="kuttab")
