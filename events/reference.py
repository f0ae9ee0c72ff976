"""Which Experiment, which Trial: the identities that events carry instead of documents."""

from pydantic import Field

from .envelope import Event
from .resource import Strict


class ExperimentRef(Strict):
    """An Experiment. Clients may leave the uid out: then the live Experiment of this name is meant."""

    namespace: str = Field(default="default", min_length=1, max_length=63)
    name: str = Field(min_length=1, max_length=63)
    uid: str = Field(default="", max_length=64)


class TrialRef(Strict):
    """A Trial of the event's Experiment; the uid and the number are derived from the Experiment's uid."""

    name: str = Field(min_length=1, max_length=128)
    uid: str = Field(min_length=1, max_length=64)
    number: int = Field(ge=1)


class ExperimentEvent(Event):
    """What happened to an Experiment."""

    experiment: ExperimentRef

    @property
    def subject(self) -> str:
        """The Experiment's path in the API."""
        return f"namespaces/{self.experiment.namespace}/experiments/{self.experiment.name}"

    @property
    def partition_key(self) -> str:
        """The Experiment's uid, or its name where a client does not know the uid."""
        return self.experiment.uid or f"{self.experiment.namespace}/{self.experiment.name}"


class TrialEvent(ExperimentEvent):
    """What happened to one attempt of a Trial."""

    trial: TrialRef
    attempt: int = Field(default=1, ge=1)
    """Which launch of the Trial's Worker this is about; older attempts change nothing."""

    @property
    def subject(self) -> str:
        """The Trial's path in the API."""
        return f"namespaces/{self.experiment.namespace}/trials/{self.trial.name}"
