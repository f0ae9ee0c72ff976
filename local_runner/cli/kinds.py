"""The kinds of resources, under every name that kubectl users type for them."""

import click

from functions.api.kinds import Kind
from local_runner.cli.errors import AbsentError

__all__ = ["Kind", "find_kind", "one_experiment", "split_target"]

_ALIASES = {alias: kind for kind in Kind for alias in (kind.value, kind.singular)} | {
    "exp": Kind.EXPERIMENTS,
    "exps": Kind.EXPERIMENTS,
}


def find_kind(text: str) -> Kind:
    """Return the kind of this name; the API group may follow it. Raises AbsentError."""
    kind = _ALIASES.get(text.partition(".")[0].lower())
    if kind is None:
        message = f'error: the server doesn\'t have a resource type "{text}": there are {", ".join(Kind)}'
        raise AbsentError(message)
    return kind


def split_target(kind: str, names: tuple[str, ...]) -> tuple[Kind, tuple[str, ...]]:
    """Read `experiment NAME...` and `experiment/NAME` alike."""
    head, slash, name = kind.partition("/")
    return find_kind(head), ((name, *names) if slash else names)


def one_experiment(kind: str, name: str | None) -> str:
    """Read `experiment NAME` and `experiment/NAME`, for commands that know no other kind. Raises UsageError."""
    found, names = split_target(kind, (name,) if name else ())
    if found != Kind.EXPERIMENTS or len(names) != 1 or not names[0]:
        raise click.UsageError("name one experiment: experiment NAME")
    return names[0]
