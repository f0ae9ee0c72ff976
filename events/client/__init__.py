"""The Python SDK: publish events from any program, with one URL for the broker."""

from .publisher import Publisher, PublishError, publish, publish_all

__all__ = ["PublishError", "Publisher", "publish", "publish_all"]
