"""The Python SDK: publish events from any program, with one URL for the broker; report metrics from a Worker."""

from .publisher import Publisher, PublishError, publish, publish_all
from .report import report_metrics

__all__ = ["PublishError", "Publisher", "publish", "publish_all", "report_metrics"]
