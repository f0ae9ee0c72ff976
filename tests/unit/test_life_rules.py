"""The optional fields of Kuttab's own: checked at admission, and absent from a plain Katib file."""

import pytest

from functions.experiment.admission import read_experiment
from tests.builders import an_experiment_manifest

LIFE_FIELDS = ("onComplete", "maxRetries", "maxDurationSeconds", "maxTrialsWithoutImprovement")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("onComplete", "kill", "must be drain or stop: kill"),
        ("onComplete", 1, "must be a string, got 1: put it in quotes"),
        ("maxRetries", -1, "must be from 0 to 100"),
        ("maxRetries", 101, "must be from 0 to 100"),
        ("maxRetries", "two", 'must be a whole number, got "two"'),
        ("maxDurationSeconds", 0, "must be from 1 to 315360000"),
        ("maxDurationSeconds", 315_360_001, "must be from 1 to 315360000"),
        ("maxTrialsWithoutImprovement", 0, "must be from 1 to 2147483647"),
    ],
)
def test_a_field_that_is_out_of_its_range_is_refused(field: str, value: object, message: str) -> None:
    admission = read_experiment(an_experiment_manifest(**{field: value}))

    assert [(it.path, it.message) for it in admission.errors] == [(f"spec.{field}", message)]


def test_they_are_known_fields_and_print_as_they_were_written() -> None:
    given = dict(zip(LIFE_FIELDS, ("stop", 2, 60, 5), strict=True))

    admission = read_experiment(an_experiment_manifest(**given))

    assert admission.resource is not None
    assert (admission.errors, admission.unknown) == ((), ())
    assert given.items() <= admission.resource.spec.to_manifest().items()


def test_a_plain_file_of_katib_has_none_of_them() -> None:
    admission = read_experiment(an_experiment_manifest())

    assert admission.resource is not None
    assert not set(LIFE_FIELDS) & admission.resource.spec.to_manifest().keys()
