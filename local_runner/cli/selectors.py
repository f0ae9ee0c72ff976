"""Label selectors of the command line, with its errors."""

from functions.api import selectors
from functions.api.selectors import Selector
from local_runner.cli.errors import CommandError

__all__ = ["Selector", "parse_selector"]


def parse_selector(text: str) -> Selector:
    """Read a selector as `kubectl -l` takes it. Raises CommandError."""
    try:
        return selectors.parse_selector(text)
    except ValueError as error:
        raise CommandError(f"error: {error}") from error
