"""`kuttab explain`: why an Experiment is where it is, and what would move it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from local_runner.cli.options import DEFAULT_NAMESPACE, directory_option, experiment_argument, namespace_option

if TYPE_CHECKING:
    from infra.settings import Settings
    from infra.store.reader import SQLReader

_BROKER_SECONDS = 5.0


@click.command()
@experiment_argument
@namespace_option
@directory_option
def command(*, name: str, namespace: str | None, directory: Path | None) -> None:
    """Say why the experiment NAME is where it is: what it waits for, since when, and what would move it."""
    import asyncio

    from local_runner.cli.opening import load_settings

    click.echo(asyncio.run(_explain(load_settings(directory), namespace or DEFAULT_NAMESPACE, name)))


async def _explain(settings: "Settings", namespace: str, name: str) -> str:
    from local_runner.cli.opening import open_reader

    trouble = await _find_trouble(settings)
    async with open_reader(settings) as reader:
        return await _read(reader, settings, namespace, name, trouble=trouble)


async def _find_trouble(settings: "Settings") -> str:
    """Return what keeps everything from going on: no runner at work here, or a deployment's broker away."""
    import asyncio

    from functions.errors import KuttabError
    from infra.broker.opening import open_broker
    from local_runner.directory import is_busy

    if not settings.broker:
        nobody = f"No runner is at work in {settings.directory}: `kuttab resume` goes on where it stands."
        return "" if settings.database or is_busy(settings.directory) else nobody
    try:
        async with asyncio.timeout(_BROKER_SECONDS):
            await (await open_broker(settings.broker, ())).close()
    except (KuttabError, OSError, TimeoutError) as error:
        reason = str(error) or f"not within {_BROKER_SECONDS:g} s"
        return f"The broker does not answer ({reason}): nothing goes on until it does, and nothing is lost."
    return ""


async def _read(reader: "SQLReader", settings: "Settings", namespace: str, name: str, *, trouble: str) -> str:
    from datetime import UTC, datetime

    from functions.explanation.experiments import explain_experiment
    from functions.explanation.gathering import gather_facts
    from local_runner.cli.errors import not_found
    from local_runner.view.explain import render_explanation

    experiment = await reader.experiment(namespace, name) or await reader.deleted_experiment(namespace, name)
    if experiment is None:
        raise not_found("experiments", name)
    now = datetime.now(UTC)
    facts = await gather_facts(experiment, reader, now=now, limits=settings.limits, trouble=trouble)
    return "\n".join(render_explanation(explain_experiment(facts), now))
