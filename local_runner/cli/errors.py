"""How a command ends: the exit statuses, and errors that are one clear line."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import IO, Any, ClassVar

import click


class ExitStatus(IntEnum):
    """What `kuttab` tells the shell."""

    SUCCEEDED = 0
    FAILED = 1
    """The Experiment failed, or what was asked for is not there."""
    REFUSED = 2
    """Usage, an invalid file, an unusable directory: nothing was begun."""
    INTERRUPTED = 130


class CommandError(click.ClickException):
    """Nothing was begun: mend what the message names. It is printed as it is."""

    exit_code: ClassVar[int] = ExitStatus.REFUSED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message to standard error."""
        click.echo(self.message, file=file, err=file is None)


class AbsentError(CommandError):
    """What was asked for is not there: `kuttab get` lists what is."""

    exit_code: ClassVar[int] = ExitStatus.FAILED


def not_found(plural: str, name: str) -> AbsentError:
    """Return kubectl's error for a name that nothing has."""
    return AbsentError(f'Error from server (NotFound): {plural}.kubeflow.org "{name}" not found')


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn what we or the system raise on purpose into one line; KUTTAB_DEBUG=1 lets the traceback through."""
    from functions.errors import KuttabError

    try:
        yield
    except KeyboardInterrupt as error:
        raise click.exceptions.Exit(ExitStatus.INTERRUPTED) from error
    except KuttabError as error:
        raise _explain(error, f"error: {error}") from error
    except OSError as error:
        if error.errno in {errno.EPIPE, None}:
            raise
        place = f"{error.filename}: " if error.filename else ""
        raise _explain(error, f"error: {place}{error.strerror}") from error


def _explain(error: Exception, message: str) -> Exception:
    return error if os.environ.get("KUTTAB_DEBUG") else CommandError(message)
