"""`kuttab get`: tables, YAML, JSON or names, as `kubectl get` prints them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from local_runner.cli.names import complete_kinds, complete_resources
from local_runner.cli.options import DEFAULT_NAMESPACE, directory_option, namespace_option

if TYPE_CHECKING:
    from infra.settings import Settings
    from local_runner.cli.kinds import Kind
    from local_runner.cli.resources import Item, Scope
    from local_runner.cli.selectors import Selector


@click.command()
@click.argument("kind", shell_complete=complete_kinds)
@click.argument("names", nargs=-1, shell_complete=complete_resources)
@namespace_option
@click.option("-A", "--all-namespaces", "is_everywhere", is_flag=True, help="Look in all namespaces.")
@click.option("-o", "--output", type=click.Choice(["wide", "yaml", "json", "name"]), help="How to print.")
@click.option("-l", "--selector", default="", metavar="LABELS", help="Only with these labels, such as a=b,c!=d.")
@click.option("--experiment", default="", metavar="NAME", help="Only what belongs to this Experiment.")
@click.option("--no-headers", "is_headless", is_flag=True, help="Leave the line of headers out.")
@directory_option
def command(
    *,
    kind: str,
    names: tuple[str, ...],
    namespace: str | None,
    is_everywhere: bool,
    output: str | None,
    selector: str,
    experiment: str,
    is_headless: bool,
    directory: Path | None,
) -> None:
    """List experiments, trials or suggestions: all of them, or those named."""
    import asyncio

    from local_runner.cli.kinds import split_target
    from local_runner.cli.opening import load_settings
    from local_runner.cli.resources import Scope
    from local_runner.cli.selectors import parse_selector

    found_kind, wanted = split_target(kind, names)
    scope = Scope(None if is_everywhere else namespace or DEFAULT_NAMESPACE, experiment)
    items = asyncio.run(_find(load_settings(directory), found_kind, scope, parse_selector(selector)))
    if wanted:
        items = _pick(items, wanted, found_kind)
    if not items and output not in {"yaml", "json"}:
        where = "" if scope.namespace is None else f" in {scope.namespace} namespace"
        click.echo(f"No resources found{where}.", err=True)
        return
    _print(items, found_kind, output or "", is_headless=is_headless, is_single=len(wanted) == 1, scope=scope)


async def _find(settings: "Settings", kind: "Kind", scope: "Scope", selector: "Selector") -> list["Item"]:
    from local_runner.cli.opening import open_reader
    from local_runner.cli.resources import read_items

    async with open_reader(settings) as reader:
        found = [item async for item in read_items(reader, kind, scope)]
    return [item for item in found if selector.matches(item.resource.metadata.labels)]


def _pick(items: Sequence["Item"], names: Sequence[str], kind: "Kind") -> list["Item"]:
    """Return the items of these names, in the order of the names."""
    from local_runner.cli.errors import not_found

    picked = []
    for name in names:
        same = [item for item in items if item.resource.metadata.name == name]
        if not same:
            raise not_found(kind, name)
        picked += same
    return picked


def _print(
    items: Sequence["Item"], kind: "Kind", output: str, *, is_headless: bool, is_single: bool, scope: "Scope"
) -> None:
    from local_runner.cli.printing import render_lines, render_objects

    if output in {"yaml", "json"}:
        click.echo(render_objects(items, output, is_single=is_single), nl=False)
    elif output == "name":
        click.echo("\n".join(f"{kind.singular}.kubeflow.org/{item.resource.metadata.name}" for item in items))
    else:
        lines = render_lines(items, kind, is_wide=output == "wide", has_namespace=scope.namespace is None)
        click.echo("\n".join(list(lines)[1 if is_headless else 0 :]))
