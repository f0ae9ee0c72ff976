"""What happened: the language that every client of Kuttab speaks, and the client SDK."""

from importlib import import_module

_EXPORTS = dict.fromkeys(("PublishError", "Publisher", "publish", "publish_all", "report_metrics"), ".client")

__all__ = ["PublishError", "Publisher", "publish", "publish_all", "report_metrics"]


def __getattr__(name: str) -> object:
    """Import the SDK only when it is asked for, so that a function's cold start does not pay for it."""
    if name not in _EXPORTS:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_EXPORTS[name], __name__), name)
