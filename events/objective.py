"""What is optimised, and how its metrics leave the Worker."""

from enum import StrEnum

from .resource import Manifest, Model, Setting


class ObjectiveType(StrEnum):
    """Which way is better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


class MetricStrategyType(StrEnum):
    """How a metric's series is folded into one value."""

    MIN = "min"
    MAX = "max"
    LATEST = "latest"


class MetricStrategy(Model):
    """The fold for one metric."""

    name: str
    value: MetricStrategyType


class Objective(Model):
    """The metric to optimise, its direction, and when it is good enough (`goal`, inclusive; None is no goal)."""

    type: ObjectiveType | None = None
    goal: float | None = None
    objective_metric_name: str = ""
    additional_metric_names: tuple[str, ...] = ()
    metric_strategies: tuple[MetricStrategy, ...] = ()

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The objective first, then the additional ones."""
        return (self.objective_metric_name, *self.additional_metric_names)

    def strategy_of(self, metric_name: str) -> MetricStrategyType:
        """Return the fold of this metric; Katib's default follows the direction."""
        for strategy in self.metric_strategies:
            if strategy.name == metric_name:
                return strategy.value
        return MetricStrategyType.MIN if self.type == ObjectiveType.MINIMIZE else MetricStrategyType.MAX

    def is_better(self, value: float, than: float | None) -> bool:
        """Tell whether the value is strictly better: ties keep the earlier one."""
        if than is None:
            return True
        return value < than if self.type == ObjectiveType.MINIMIZE else value > than

    def is_reached_by(self, value: float | None) -> bool:
        """Tell whether the value meets the goal."""
        if self.goal is None or value is None:
            return False
        return value <= self.goal if self.type == ObjectiveType.MINIMIZE else value >= self.goal


class MetricConstraint(Model):
    """Kuttab's own: the bounds in which a metric must lie for its Trial to count as a result; they belong to it."""

    metric: str = ""
    min: float | None = None
    max: float | None = None


class CollectorKind(StrEnum):
    """How metrics leave the Worker."""

    STDOUT = "StdOut"
    FILE = "File"
    TENSORFLOW_EVENT = "TensorFlowEvent"
    PROMETHEUS_METRIC = "PrometheusMetric"
    CUSTOM = "Custom"
    PUSH = "Push"


class Collector(Model):
    """The kind of collector; `customCollector` is a container for `Custom`."""

    kind: CollectorKind
    custom_collector: Manifest | None = None


class FileSystemPath(Model):
    """Where a File or TensorFlowEvent collector reads."""

    path: str | None = None
    kind: str | None = None
    format: str | None = None


class Filter(Model):
    """Regular expressions with two groups: the metric's name and its value."""

    metrics_format: tuple[str, ...] = ()


class CollectorSource(Model):
    """Where the metrics are."""

    file_system_path: FileSystemPath | None = None
    http_get: Manifest | None = None
    filter: Filter | None = None


class MetricsCollectorSpec(Model):
    """How the metrics of a Trial are collected."""

    collector: Collector | None = None
    source: CollectorSource | None = None

    @property
    def kind(self) -> CollectorKind:
        """StdOut unless another is named."""
        return self.collector.kind if self.collector else CollectorKind.STDOUT

    @property
    def path(self) -> str | None:
        """The file or directory to read, where there is one."""
        return self.source.file_system_path.path if self.source and self.source.file_system_path else None

    @property
    def filters(self) -> tuple[str, ...]:
        """The custom filters; none means Katib's default."""
        return self.source.filter.metrics_format if self.source and self.source.filter else ()


class EarlyStoppingRule(Model):
    """Stop a Trial whose metric compares so with the value, from its `startStep`-th report on."""

    name: str
    value: str
    comparison: str
    start_step: int = 0


class EarlyStopping(Model):
    """The early-stopping algorithm and its settings."""

    algorithm_name: str = ""
    algorithm_settings: tuple[Setting, ...] = ()
