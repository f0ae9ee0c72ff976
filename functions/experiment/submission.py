"""A checked manifest as the event that creates its Experiment: whoever submits gives the uid, and so the name."""

from events.envelope import new_id
from events.experiment import ExperimentCreated, ExperimentResource
from events.reference import ExperimentRef
from events.resource import Manifest
from functions.identity import derive_suffix


def make_created(manifest: Manifest, resource: ExperimentResource, *, target: str | None) -> ExperimentCreated:
    """Return the event; a `generateName` becomes a name, and the status, which is the server's, is left out."""
    uid = new_id()
    name = resource.metadata.name or resource.metadata.generate_name + derive_suffix(uid, "name", length=5)
    given = manifest.get("metadata")
    metadata = (given if isinstance(given, dict) else {}) | {"name": name, "namespace": resource.metadata.namespace}
    return ExperimentCreated(
        experiment=ExperimentRef(namespace=resource.metadata.namespace, name=name, uid=uid),
        resource={key: it for key, it in manifest.items() if key != "status"} | {"metadata": metadata},
        target=target,
    )
