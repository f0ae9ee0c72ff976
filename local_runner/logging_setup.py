"""Structured logs: one JSON object a line on standard error."""

import json
import logging
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

_LOG_BYTES = 5 * 2**20
"""Of one file; there is at most one older one beside it."""
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


def log_to_file(path: Path) -> logging.Handler:
    """Log what happens in an embedded runner to a bounded file, out of the way of the view; return the handler.

    Libraries' warnings go there too: nothing of them belongs on the terminal.
    """
    handler = RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1, delay=True)
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
    handler.close()


def log_json(level: str = "info") -> None:
    """Log everything of ours from this level on, and warnings of others."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("kuttab").setLevel(level.upper())
