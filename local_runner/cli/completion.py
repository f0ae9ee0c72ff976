"""`kuttab completion`: the script that teaches a shell the commands, their options and the names of resources."""

import click
from click.shell_completion import get_completion_class


@click.command(
    epilog="bash: source <(kuttab completion bash); zsh: the same in ~/.zshrc; fish: kuttab completion fish | source"
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell."""
    from local_runner.cli.main import cli

    script = get_completion_class(shell)
    assert script is not None
    click.echo(script(cli, {}, "kuttab", "_KUTTAB_COMPLETE").source())
