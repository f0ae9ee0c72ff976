"""The kinds of resources that people and the API deal in."""

from enum import StrEnum

GROUP = "kubeflow.org"
VERSION = "v1beta1"


class Kind(StrEnum):
    """The plural name of a resource."""

    EXPERIMENTS = "experiments"
    TRIALS = "trials"
    SUGGESTIONS = "suggestions"

    @property
    def singular(self) -> str:
        """The name of one of them."""
        return self.value.removesuffix("s")

    @property
    def object_kind(self) -> str:
        """What stands in `kind` of one of them."""
        return self.singular.capitalize()

    @property
    def words(self) -> str:
        """The name in messages, with its group."""
        return f"{self.value}.{GROUP}"


def find_kind(plural: str) -> Kind | None:
    """Return the kind of this plural."""
    return next((kind for kind in Kind if kind.value == plural), None)
