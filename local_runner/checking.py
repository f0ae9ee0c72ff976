"""What `kuttab run` and `kuttab submit` make of a file: events that are ready to publish, or every error at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from events.envelope import MAX_MESSAGE_BYTES, encode
from events.experiment import ExperimentCreated, ExperimentResource
from events.reference import ExperimentRef
from events.resource import Manifest
from functions.errors import KuttabError
from functions.experiment.admission import read_experiment
from functions.experiment.submission import make_created
from functions.suggestion.algorithms import AUTO
from functions.trial.placement import Placement
from local_runner.config_maps import resolve_templates
from local_runner.documents import Document

_TEMPLATE = "spec.trialTemplate.trialSpec"


class InvalidFileError(KuttabError):
    """The file was refused: each line names a field and what to mend; nothing was begun."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One Experiment, checked."""

    event: ExperimentCreated
    resource: ExperimentResource

    @property
    def ref(self) -> ExperimentRef:
        """Its identity."""
        return self.event.experiment


def check(
    documents: Sequence[Document],
    *,
    namespace: str | None,
    target: str | None,
    config_maps: Sequence[Document] = (),
    has_cluster: bool = False,
) -> list[Submission]:
    """Return an event for each Experiment; trial templates are looked for in the ConfigMaps, of the file and besides.

    Kinds of a cluster run as processes unless `has_cluster`, or a target is named.
    Raises InvalidFileError with every error of every document.
    """
    experiments, problems = resolve_templates(documents, config_maps)
    found: list[Submission] = []
    placement = Placement(target, has_cluster)
    for document in experiments:
        manifest = _with_algorithm(_with_namespace(document.manifest, namespace))
        errors = [*_namespace_errors(manifest, namespace), *_errors(manifest, placement)]
        problems += (f"{document.place}: {error}" for error in errors)
        if not errors:
            found.append(_submission(manifest, placement))
    names = [(it.ref.namespace, it.ref.name) for it in found]
    repeated = sorted({name for name in names if names.count(name) > 1})
    problems += (f"{documents[0].place}: metadata.name: {name} is given twice" for _, name in repeated)
    if problems:
        raise InvalidFileError("\n".join(problems))
    return found


def _with_namespace(manifest: Manifest, namespace: str | None) -> Manifest:
    """Return the manifest in the namespace of the command line, where it names none itself."""
    metadata = manifest.get("metadata", {})
    if not namespace or not isinstance(metadata, dict) or metadata.get("namespace"):
        return manifest
    return {**manifest, "metadata": {**metadata, "namespace": namespace}}


def _with_algorithm(manifest: Manifest) -> Manifest:
    """Return the manifest with our default algorithm where it names none: Katib, and so the API, would refuse it."""
    spec = manifest.get("spec")
    if not isinstance(spec, dict) or spec.get("algorithm") is not None or spec.get("nasConfig") is not None:
        return manifest
    return {**manifest, "spec": {**spec, "algorithm": {"algorithmName": AUTO}}}


def _namespace_errors(manifest: Manifest, namespace: str | None) -> Iterator[str]:
    metadata = manifest.get("metadata")
    given = metadata.get("namespace") if isinstance(metadata, dict) else None
    if namespace and given and namespace != given:
        yield f"metadata.namespace: is {given}, which does not match --namespace={namespace}"


def _errors(manifest: Manifest, placement: Placement) -> Iterator[str]:
    if manifest.get("kind") != "Experiment":
        yield f"kind: must be Experiment, got {manifest.get('kind')}"
        return
    admission = read_experiment(manifest)
    yield from (f"{path}: unknown field" for path in admission.unknown)
    yield from map(str, admission.errors)
    if admission.resource is None or admission.errors:
        return
    template = admission.resource.spec.trial_template
    try:
        placement.override(template.manifest or {} if template else {})
    except ValueError as error:
        yield f"{_TEMPLATE}: {error}"


def _submission(manifest: Manifest, placement: Placement) -> Submission:
    resource = read_experiment(manifest).resource
    assert resource is not None
    template = resource.spec.trial_template
    event = make_created(manifest, resource, target=placement.override(template.manifest or {} if template else {}))
    if len(encode(event)) > MAX_MESSAGE_BYTES:
        most = f"{MAX_MESSAGE_BYTES // 1024} KiB"
        raise InvalidFileError(f"{event.experiment.name}: is larger than a message may be ({most})")
    return Submission(event, resource)
