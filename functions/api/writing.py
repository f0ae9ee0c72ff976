"""Create, change and delete: the events of a client, handled at once, so that the caller reads what it has written."""

from collections.abc import Sequence

from events.experiment import (
    Budget,
    ExperimentDeleteRequested,
    ExperimentEdited,
    ExperimentResource,
    ExperimentStopRequested,
)
from events.resource import Manifest
from events.trial import TrialDeleteRequested
from functions.api.http import Request
from functions.api.json_patch import apply_operations
from functions.api.kinds import Kind
from functions.api.looking import Resource, see_experiment
from functions.api.patching import budget_of, merge, read_wanted, refuse
from functions.api.ports import Commands, Reader
from functions.api.problems import (
    about,
    already_exists,
    bad_request,
    conflict,
    not_found,
    unsupported_media_type,
)
from functions.api.versions import row_version
from functions.errors import Reject
from functions.experiment.admission import read_experiment
from functions.experiment.command import has_seen_last_edit
from functions.experiment.model import Experiment
from functions.experiment.parsing import Problem
from functions.experiment.submission import make_created
from functions.trial.placement import Placement

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
"""Server-side apply, whose body is JSON with every client that we know; here it is a merge, and nobody owns a field."""
PATCHES = (MERGE_PATCH, JSON_PATCH, APPLY_PATCH)
_MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


class Writing:
    """What may be done to Experiments and Trials."""

    def __init__(self, reader: Reader, commands: Commands, placement: Placement) -> None:
        self._reader = reader
        self._commands = commands
        self._placement = placement

    async def create(self, request: Request, namespace: str) -> tuple[Resource, Sequence[str]]:
        """Create an Experiment; return it, and the paths of fields that nobody knows. Raises ApiError."""
        manifest = _in_namespace(request.read_object(), namespace)
        admission = read_experiment(manifest)
        strictness = request.query.get("fieldValidation", "Warn")
        if admission.unknown and strictness == "Strict":
            listed = ", ".join(f'unknown field "{path}"' for path in admission.unknown)
            raise bad_request(f'Experiment in version "v1beta1" cannot be handled: strict decoding error: {listed}')
        problems: list[Problem] = [(error.path, error.message) for error in admission.errors]
        resource = admission.resource
        if problems or resource is None:
            raise refuse(_name_of(manifest), problems)
        created = await self._create(manifest, resource, is_dry=_is_dry(request))
        return created, admission.unknown if strictness == "Warn" else ()

    async def _create(self, manifest: Manifest, resource: ExperimentResource, *, is_dry: bool) -> Resource:
        template = resource.spec.trial_template
        try:
            target = self._placement.override(template.manifest or {} if template else {})
        except ValueError as error:
            raise refuse(resource.metadata.name, [("spec.trialTemplate.trialSpec", str(error))]) from error
        event = make_created(manifest, resource, target=target)
        ref = event.experiment
        if await self._reader.experiment(ref.namespace, ref.name) is not None:
            raise already_exists(Kind.EXPERIMENTS, ref.name)
        if is_dry:
            return resource.replace(metadata=resource.metadata.replace(name=ref.name, uid=ref.uid))
        try:
            await self._commands.apply(event)
        except Reject as error:  # somebody else was quicker
            raise already_exists(Kind.EXPERIMENTS, ref.name) from error
        return await self._read(ref.uid, ref.name)

    async def patch(self, request: Request, namespace: str, name: str) -> Resource:
        """Change an Experiment's budget, labels or annotations; applying one that is not there creates it."""
        if request.media_type not in PATCHES:
            raise unsupported_media_type(request.media_type, ", ".join(PATCHES))
        experiment = await self._reader.experiment(namespace, name)
        if experiment is None and request.media_type == APPLY_PATCH:
            return (await self.create(request, namespace))[0]
        if experiment is None:
            raise not_found(Kind.EXPERIMENTS, name)
        found = (await see_experiment(experiment, self._reader).render()).to_manifest()
        if request.media_type == JSON_PATCH:
            wanted, version = apply_operations(found, request.read_json()), None
        else:
            patch = request.read_object()
            wanted, version = merge(found, patch), _read_version(patch)
        if not isinstance(wanted, dict):
            raise bad_request("what is left is no object")
        return await self._change(experiment, wanted, request, version)

    async def replace(self, request: Request, namespace: str, name: str) -> Resource:
        """Put a whole Experiment in the place of the one that is there; only as much may differ as in a patch."""
        experiment = await self._find(namespace, name)
        manifest = request.read_object()
        return await self._change(experiment, manifest, request, _read_version(manifest))

    async def _change(
        self, experiment: Experiment, manifest: Manifest, request: Request, version: str | None
    ) -> Resource:
        if not has_seen_last_edit(version, experiment):
            raise conflict(Kind.EXPERIMENTS, experiment.name, _MODIFIED)
        wanted = read_wanted(_in_namespace(manifest, experiment.namespace), experiment)
        if wanted.metadata.name != experiment.name:
            raise bad_request(f"the name of the object ({wanted.metadata.name}) is not that of the URL")
        if _is_dry(request):
            return wanted
        if wanted.spec != experiment.spec:
            await self._edit(experiment, budget_of(wanted), version)
        labels, annotations = wanted.metadata.labels, wanted.metadata.annotations
        if (labels, annotations) != (experiment.labels, experiment.annotations):
            await self._commands.describe(experiment.ref, labels, annotations)
        return await self._read(experiment.uid, experiment.name)

    async def _edit(self, experiment: Experiment, budget: Budget, version: str | None) -> None:
        event = ExperimentEdited(experiment=experiment.ref, budget=budget, resource_version=version)
        await self._commands.apply(event)
        now = await self._reader.experiment_of_uid(experiment.uid)
        if now is None or now.edit_id < event.id:
            raise conflict(Kind.EXPERIMENTS, experiment.name, _MODIFIED)

    async def stop(self, namespace: str, name: str) -> Resource:
        """End an Experiment now. Raises ApiError."""
        experiment = await self._find(namespace, name)
        await self._commands.apply(ExperimentStopRequested(experiment=experiment.ref))
        return await self._read(experiment.uid, name)

    async def delete(self, request: Request, kind: Kind, namespace: str, name: str) -> Manifest:
        """Delete an Experiment with all that is its own, or hide a Trial. Raises ApiError."""
        options = request.read_object() if request.body.strip() else {}
        deleted = self._delete_trial if kind == Kind.TRIALS else self._delete_experiment
        uid = await deleted(namespace, name, options, is_dry=_is_dry(request))
        details = {**about(kind, name), "uid": uid}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    async def _delete_experiment(self, namespace: str, name: str, options: Manifest, *, is_dry: bool) -> str:
        experiment = await self._find(namespace, name)
        _require_uid(options, Kind.EXPERIMENTS, name, experiment.uid)
        if not is_dry:
            await self._commands.apply(ExperimentDeleteRequested(experiment=experiment.ref))
        return experiment.uid

    async def _delete_trial(self, namespace: str, name: str, options: Manifest, *, is_dry: bool) -> str:
        trial = await self._reader.trial(namespace, name)
        experiment = await self._reader.experiment_of_uid(trial.experiment_uid) if trial else None
        if trial is None or experiment is None or experiment.deleted_at:
            raise not_found(Kind.TRIALS, name)
        _require_uid(options, Kind.TRIALS, name, trial.uid)
        if not is_dry:
            event = TrialDeleteRequested(experiment=experiment.ref, trial=trial.ref, attempt=max(1, trial.attempt))
            await self._commands.apply(event)
        return trial.uid

    async def _find(self, namespace: str, name: str) -> Experiment:
        experiment = await self._reader.experiment(namespace, name)
        if experiment is None:
            raise not_found(Kind.EXPERIMENTS, name)
        return experiment

    async def _read(self, uid: str, name: str) -> Resource:
        """Return the Experiment as it is now."""
        experiment = await self._reader.experiment_of_uid(uid)
        if experiment is None:
            raise not_found(Kind.EXPERIMENTS, name)
        return await see_experiment(experiment, self._reader).render()


def _is_dry(request: Request) -> bool:
    """Tell whether everything is to be checked and nothing done."""
    return request.query.get("dryRun") == "All"


def _name_of(manifest: Manifest) -> str:
    metadata = manifest.get("metadata")
    given = (metadata.get("name") or metadata.get("generateName")) if isinstance(metadata, dict) else ""
    return given if isinstance(given, str) else ""


def _in_namespace(manifest: Manifest, namespace: str) -> Manifest:
    """Return the object in the namespace of the URL. Raises ApiError where it names another one."""
    metadata = manifest.get("metadata") or {}
    if not isinstance(metadata, dict):
        return manifest
    if metadata.get("namespace") not in {None, "", namespace}:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return {**manifest, "metadata": {**metadata, "namespace": namespace}}


def _read_version(manifest: Manifest) -> str | None:
    """Return the version that the caller has seen, where it is said."""
    metadata = manifest.get("metadata")
    given = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    return row_version(str(given)) if given else None


def _require_uid(options: Manifest, kind: Kind, name: str, uid: str) -> None:
    """Raise ApiError where another resource of this name is meant."""
    wanted = options.get("preconditions")
    given = wanted.get("uid") if isinstance(wanted, dict) else None
    if given not in {None, uid}:
        why = f"the UID in the precondition ({given}) does not match the UID in record ({uid})"
        raise conflict(kind, name, why)
