"""`kuttab version`."""

import click


@click.command()
def command() -> None:
    """Print the version."""
    click.echo(f"kuttab {read_version()}")


def read_version() -> str:
    """Return the installed version, or that of the checkout which this runs from."""
    import tomllib
    from importlib import metadata
    from pathlib import Path

    try:
        return metadata.version("kuttab")
    except metadata.PackageNotFoundError:
        project = Path(__file__).parents[2] / "pyproject.toml"
        version = tomllib.loads(project.read_text())["project"]["version"] if project.exists() else "unknown"
        return f"{version} (checkout)"
