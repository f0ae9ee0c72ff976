"""Be the runner of a directory and show Experiments to their end: what `run` and `resume` share."""

import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from functions.experiment.model import Experiment
from infra.settings import Settings
from infra.store.reader import SQLReader
from local_runner.cli.errors import ExitStatus
from local_runner.cli.opening import open_runner, report_path
from local_runner.cli.watching import Watch
from local_runner.view.view import View, make_view
from local_runner.view.words import command_for

if TYPE_CHECKING:
    from local_runner.embedded import EmbeddedRunner
    from local_runner.report.material import Material

Begin = Callable[["EmbeddedRunner"], Awaitable[Sequence[str]]]
"""Publishes or finds what is to be watched, and returns the uids."""

_WARM_AFTER_SECONDS = 15.0
"""A run that is shorter loads them at its end; one that is longer has Trials enough to be worth the seconds."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says about the view and the report."""

    is_json: bool = False
    is_resumed: bool = False
    report: Path | None = None
    is_silent: bool = False


async def run_foreground(settings: Settings, options: Options, begin: Begin) -> ExitStatus:
    """Hold the directory until the Experiments have ended, then write their reports."""
    view = make_view(is_json=options.is_json, is_resumed=options.is_resumed)
    async with open_runner(settings, on_event=view.hear) as runner:
        uids = await begin(runner)
        watch = Watch(runner, view, uids)
        with contextlib.nullcontext() if options.is_silent else _warming():
            status = await watch.run()
        ended = [look.experiment for look in watch.looks if look.is_over and not look.experiment.deleted_at]
        materials = [] if options.is_silent else await _read_materials(runner.reader, ended)
        others = [it for it in await runner.reader.experiments() if not it.is_completed and it.uid not in uids]
    for material in materials:
        _write_report(material, options.report or report_path(settings.directory, material.experiment), view)
    for other in others:
        view.say(f"Experiment {other.name} has not ended. Go on: {command_for('resume', other)}")
    return status


@contextlib.contextmanager
def _warming() -> Iterator[None]:
    """Load the report's libraries (seconds) while the Workers are at work, so that the end does not wait for them."""
    timer = threading.Timer(_WARM_AFTER_SECONDS, import_module, ("optuna.visualization",))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


async def _read_materials(reader: SQLReader, ended: Sequence[Experiment]) -> list["Material"]:
    from local_runner.report.material import Material

    tried = (experiment for experiment in ended if experiment.created_count)
    return [Material(experiment, await reader.all_trials(experiment.uid)) for experiment in tried]


def _write_report(material: "Material", path: Path, view: View) -> None:
    """Write one report; one that cannot be written changes nothing about how the Experiment ended."""
    from local_runner.report.page import write_report

    try:
        write_report(material, path)
    except OSError as error:
        click.echo(f"warning: no report: {error.filename or path}: {error.strerror}", err=True)
    else:
        view.say(f"Report      {path}")
