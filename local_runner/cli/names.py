"""Names for shell completion, read from the database without loading what reads it otherwise: a Tab must be quick."""

import os
import sqlite3
from pathlib import Path

import click

_EXPERIMENTS = "SELECT name FROM experiments WHERE deleted_at IS NULL ORDER BY name LIMIT 200"
_TRIALS = "SELECT name FROM trials WHERE NOT is_hidden AND name LIKE ? ORDER BY number DESC LIMIT 200"
_WAIT_SECONDS = 0.2
KIND_NAMES = ("experiments", "trials", "suggestions")


def complete_experiments(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the Experiments whose names begin so."""
    return [name for name in _read(ctx, _EXPERIMENTS) if name.startswith(incomplete)]


def complete_trials(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the Trials whose names begin so."""
    return _read(ctx, _TRIALS, incomplete.replace("%", "").replace("_", "") + "%")


def complete_kinds(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the kinds whose names begin so."""
    return [kind for kind in KIND_NAMES if kind.startswith(incomplete)]


def complete_resources(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of the kind that was given before."""
    is_trial = str(ctx.params.get("kind", "")).startswith("trial")
    return (complete_trials if is_trial else complete_experiments)(ctx, parameter, incomplete)


def _read(ctx: click.Context, query: str, *values: str) -> list[str]:
    """Return the first column; nothing where there is no database or it is in use."""
    directory = ctx.params.get("directory") or Path(os.environ.get("KUTTAB_DIRECTORY", ".kuttab"))
    try:
        uri = f"{(directory / 'kuttab.db').absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS)
        try:
            return [str(row[0]) for row in connection.execute(query, values)]
        finally:
            connection.close()
    except sqlite3.Error:
        return []
