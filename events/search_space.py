"""The search space as Katib writes it: parameters, their feasible values, and the graph of a NAS experiment."""

from enum import StrEnum

from pydantic import Field

from .resource import Model, Text


class ParameterType(StrEnum):
    """What kind of axis a parameter is."""

    DOUBLE = "double"
    INT = "int"
    DISCRETE = "discrete"
    CATEGORICAL = "categorical"
    UNKNOWN = "unknown"


class Distribution(StrEnum):
    """How a sampler spreads its values between min and max."""

    UNIFORM = "uniform"
    LOG_UNIFORM = "logUniform"
    NORMAL = "normal"
    LOG_NORMAL = "logNormal"
    UNKNOWN = "unknown"


class FeasibleSpace(Model):
    """Allowed values: min, max and step for int and double, a list for the others; all text, as in Katib."""

    min: Text | None = None
    max: Text | None = None
    step: Text | None = None
    list: tuple[Text, ...] | None = None
    distribution: Distribution | None = None


class When(Model):
    """A parameter has a value only where another one has one of these."""

    parameter: str = ""
    values: tuple[Text, ...] = Field(default=(), alias="in")


class ParameterSpec(Model):
    """One axis of the search space."""

    name: str
    parameter_type: ParameterType
    feasible_space: FeasibleSpace = Field(default_factory=FeasibleSpace)
    when: When | None = None
    """Kuttab's own, as is `whenInactive`: without it the parameter always has a value."""
    when_inactive: Text | None = None
    """What the template's placeholders of this parameter become in Trials where it has no value; left out: nothing."""


class ParameterAssignment(Model):
    """One parameter's value in a Trial."""

    name: str
    value: Text


class GraphConfig(Model):
    """The shape of the network that a NAS experiment searches."""

    num_layers: int | None = None
    input_sizes: tuple[int, ...] = ()
    output_sizes: tuple[int, ...] = ()


class Operation(Model):
    """An operation that a NAS experiment may choose, with its own parameters."""

    operation_type: str = ""
    parameters: tuple[ParameterSpec, ...] = ()


class NasConfig(Model):
    """The search space of a NAS experiment."""

    graph_config: GraphConfig = Field(default_factory=GraphConfig)
    operations: tuple[Operation, ...] = ()
