"""`kuttab logs`: what a Trial's Worker has written, wherever it runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from local_runner.cli.names import complete_trials
from local_runner.cli.options import DEFAULT_NAMESPACE, directory_option, namespace_option

if TYPE_CHECKING:
    from functions.trial.model import Trial
    from infra.settings import Settings
    from infra.store.reader import SQLReader


@click.command()
@click.argument("name", metavar="TRIAL", shell_complete=complete_trials)
@click.option("-f", "--follow", "is_following", is_flag=True, help="Go on printing until the Trial has ended.")
@click.option("--tail", type=int, default=-1, metavar="N", help="Only the last N lines; -1 is all of them.")
@click.option("-p", "--previous", "is_previous", is_flag=True, help="The attempt before the current one.")
@namespace_option
@directory_option
def command(
    *, name: str, is_following: bool, tail: int, is_previous: bool, namespace: str | None, directory: Path | None
) -> None:
    """Print the log of TRIAL's Worker: its standard output and error."""
    import asyncio

    from local_runner.cli.opening import load_settings

    settings = load_settings(directory)
    trial_name = name.rpartition("/")[2]  # `get -o name` prints the kind before it
    asyncio.run(_print(settings, namespace or DEFAULT_NAMESPACE, trial_name, is_following, tail, is_previous))


async def _print(  # noqa: PLR0917 - what the command line says
    settings: "Settings",
    namespace: str,
    name: str,
    is_following: bool,  # noqa: FBT001
    tail: int,
    is_previous: bool,  # noqa: FBT001
) -> None:
    from events.trial import TargetKind
    from local_runner.cli.errors import AbsentError, not_found
    from local_runner.cli.opening import open_reader

    async with open_reader(settings) as reader:
        trial = await reader.trial(namespace, name)
        if trial is None:
            raise not_found("trials", name)
        attempt = trial.attempt - is_previous
        if attempt < 1:
            raise AbsentError(f"error: {trial.name} has no attempt before the current one")
        if trial.target == TargetKind.PROCESS:
            await _print_local(settings, reader, trial, attempt, is_following=is_following, tail=tail)
        else:
            await _print_remote(settings, reader, trial, attempt, is_following=is_following, tail=tail)


async def _print_local(
    settings: "Settings", reader: "SQLReader", trial: "Trial", attempt: int, *, is_following: bool, tail: int
) -> None:
    path = log_path(settings, trial, attempt)
    if is_following:
        await _follow(reader, trial, path, tail)
    else:
        _print_whole(settings, trial, attempt, path, tail)


async def _print_remote(
    settings: "Settings", reader: "SQLReader", trial: "Trial", attempt: int, *, is_following: bool, tail: int
) -> None:
    from local_runner.cli.errors import AbsentError
    from local_runner.cli.remote_logs import REMOTE, follow, open_log, print_whole

    if trial.target not in REMOTE:
        raise AbsentError(f"error: {trial.name} runs on target {trial.target}: only its client has its log")
    async with open_log(settings, reader, trial, attempt) as log:
        if is_following:
            await follow(log, reader, trial, attempt, tail=tail)
        else:
            is_over = not trial.is_active or attempt != trial.attempt
            await print_whole(log, trial, is_over=is_over, tail=tail)


def log_path(settings: "Settings", trial: "Trial", attempt: int) -> Path:
    """Return where a process Worker's log is on its host."""
    return settings.directory / "workers" / f"{trial.uid}-{attempt}" / "log"


def _print_whole(settings: "Settings", trial: "Trial", attempt: int, path: Path, tail: int) -> None:
    from local_runner.cli.errors import AbsentError
    from local_runner.cli.tailing import copy_from, tail_position

    if not path.exists():
        raise AbsentError(f"error: {trial.name} has no log: {_why(settings, trial, attempt)}")
    copy_from(path, tail_position(path, tail))


def _why(settings: "Settings", trial: "Trial", attempt: int) -> str:
    host = (
        trial.host
        if attempt == trial.attempt
        else next((it.host for it in trial.attempts if it.attempt == attempt), "")
    )
    if attempt == trial.attempt and trial.is_active and not trial.started_at:
        return "its Worker has not started yet (-f waits for it)"
    if host and settings.database:
        return f"it ran on host {host}; call this there, with the --dir of its runner"
    return trial.message.partition("\n")[0] or "it was deleted, or its Worker ran on another host"


async def _follow(reader: "SQLReader", trial: "Trial", path: Path, tail: int) -> None:
    """Print what comes until the Trial has ended; what was written before its end is printed whole."""
    import asyncio

    from local_runner.cli.tailing import FOLLOW_SECONDS, copy_new

    position: int | None = None
    while True:
        now = await reader.trial(trial.namespace, trial.name)
        is_over = now is None or not now.is_active or now.attempt != trial.attempt
        position = copy_new(path, position, tail)
        if is_over:
            return
        await asyncio.sleep(FOLLOW_SECONDS)
