"""The Python SDK: publish events from any program, with one URL for the broker."""

from .publisher import PublishError, publish

__all__ = ["PublishError", "publish"]
