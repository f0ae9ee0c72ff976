"""Structured logs: one JSON object a line on standard error."""

import json
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

_LOG_BYTES = 5 * 2**20
"""Of one file; there is at most one older one beside it."""
_NOTHING_FITS = ("disk is full", "disk I/O error", "readonly database")
"""What SQLite says of a disk that takes nothing more."""
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """A lower-case verb phrase and its fields; an exception is one more field."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, object] = {"time": at, "level": record.levelname.lower(), "logger": record.name}
        line["message"] = record.getMessage()
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class _PatientFile(RotatingFileHandler):
    """A file on a disk that may be full for a while: one line on standard error says so, for the log cannot."""

    has_complained = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line; where it is about a disk that takes nothing, the person at the terminal should know."""
        reason = str(getattr(record, "reason", ""))
        if any(words in reason for words in _NOTHING_FITS):
            self._complain(reason)
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Leave the line out where the disk takes none: a traceback for each would flood the terminal."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self._complain(error.strerror or str(error))
        else:
            super().handleError(record)

    def _complain(self, why: str) -> None:
        if not self.has_complained:
            self.has_complained = True
            folder = Path(self.baseFilename).parent
            words = "what cannot be written waits until it can be; nothing is lost"
            print(f"warning: {folder}: {why}; {words}", file=sys.stderr, flush=True)  # noqa: T201 - the terminal is what is meant


def log_to_file(path: Path) -> logging.Handler:
    """Log what happens in an embedded runner to a bounded file, out of the way of the view; return the handler.

    Libraries' warnings go there too: nothing of them belongs on the terminal.
    """
    handler = _PatientFile(path, maxBytes=_LOG_BYTES, backupCount=1, delay=True)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("kuttab")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logging.getLogger().addHandler(handler)
    return handler


def stop_logging_to_file(handler: logging.Handler) -> None:
    """Take back what `log_to_file` did."""
    for name in ("kuttab", None):
        logging.getLogger(name).removeHandler(handler)
    with suppress(OSError):  # what a full disk has not taken
        handler.close()


def log_json(level: str = "info") -> None:
    """Log everything of ours from this level on, and warnings of others."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("kuttab").setLevel(level.upper())
