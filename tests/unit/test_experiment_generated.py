"""Whatever Experiment comes: none crashes admission, and one that is accepted is stored as it was given."""

from typing import Any

from hypothesis import given, settings
from sqlalchemy.dialects import sqlite

from events.envelope import decode, encode
from events.experiment import ExperimentCreated, ExperimentSpec
from events.reference import ExperimentRef
from events.resource import Manifest
from functions.experiment.admission import Admission, read_experiment
from functions.experiment.newcomer import read_newcomer
from functions.experiment.view import to_resource
from infra.store.types import document_of
from tests.builders import EPOCH
from tests.unit.experiment_strategies import broken_experiments, experiments

_COLUMN = document_of(ExperimentSpec)


def printed(manifest: Manifest) -> dict[str, Any]:
    """Return what is printed of an Experiment that went over the wire and through its column."""
    about = ExperimentRef(name="generated", uid="uid")
    event = decode(encode(ExperimentCreated(id="created", time=EPOCH, experiment=about, resource=manifest)))
    assert isinstance(event, ExperimentCreated)
    experiment = read_newcomer(event, at=EPOCH).experiment
    text = _COLUMN.process_bind_param(experiment.spec, sqlite.dialect())
    experiment.spec = _COLUMN.process_result_value(text, sqlite.dialect())  # type: ignore[assignment]
    return to_resource(experiment, {}).to_manifest()


def expect_kept(manifest: Manifest, admission: Admission) -> None:
    """Check that reading what is printed gives the Experiment that was admitted."""
    assert admission.resource is not None
    again = read_experiment(printed(manifest))
    assert again.errors == ()
    assert again.resource is not None
    assert again.resource.spec == admission.resource.spec
    assert again.resource.metadata.labels == admission.resource.metadata.labels


@settings(max_examples=150, deadline=None)
@given(manifest=experiments())
def test_a_sound_experiment_is_admitted_and_kept(manifest: Manifest) -> None:
    admission = read_experiment(manifest)

    assert (admission.errors, admission.unknown) == ((), ())
    expect_kept(manifest, admission)


@settings(max_examples=400, deadline=None)
@given(manifest=broken_experiments())
def test_a_broken_experiment_is_refused_with_a_place_or_is_kept(manifest: Manifest) -> None:
    admission = read_experiment(manifest)

    assert all(error.path and error.message for error in admission.errors)
    if not admission.errors:
        expect_kept(manifest, admission)
