"""Every field of Katib's Experiment comes back as it was: file → event → store → what is printed."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy.dialects import sqlite

from events.envelope import decode, encode
from events.experiment import ExperimentCreated, ExperimentSpec
from functions.experiment.admission import read_experiment
from functions.experiment.newcomer import read_newcomer
from functions.experiment.view import to_resource
from infra.store.types import document_of
from local_runner.checking import check
from local_runner.documents import load_documents
from tests.builders import EPOCH

FOLDER = Path(__file__).parents[1] / "data" / "experiments"
FILES = sorted(FOLDER.glob("*.yaml"))


def stored(event: ExperimentCreated) -> dict[str, Any]:
    """Return what is printed of an Experiment that went over the wire and through its column."""
    received = decode(encode(event))
    assert isinstance(received, ExperimentCreated)
    experiment = read_newcomer(received, at=EPOCH).experiment
    assert experiment.error == ""
    column = document_of(ExperimentSpec)
    text = column.process_bind_param(experiment.spec, sqlite.dialect())
    experiment.spec = column.process_result_value(text, sqlite.dialect())  # type: ignore[assignment]
    return to_resource(experiment, {}).to_manifest()


def missing(given: Any, found: Any, path: str = "") -> list[str]:
    """Return the paths of what is not in `found` as it was given; more may be there: defaults."""
    if isinstance(given, dict) and isinstance(found, dict):
        return [each for key, item in given.items() for each in missing(item, found.get(key), f"{path}.{key}")]
    if isinstance(given, list) and isinstance(found, list) and len(given) == len(found):
        pairs = enumerate(zip(given, found, strict=True))
        return [each for index, (one, other) in pairs for each in missing(one, other, f"{path}[{index}]")]
    is_same = given == found and isinstance(given, bool) == isinstance(found, bool)
    return [] if is_same else [path.lstrip(".")]


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_file_comes_back_as_it_was(path: Path) -> None:
    (document,) = [it for it in load_documents(str(path)) if it.manifest["kind"] == "Experiment"]
    (submission,) = check(load_documents(str(path)), namespace=None, target=None)

    printed = stored(submission.event)

    given = {name: document.manifest[name] for name in ("apiVersion", "kind", "metadata", "spec")}
    assert missing(given, printed) == []


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_what_is_printed_is_the_same_experiment_again(path: Path) -> None:
    (submission,) = check(load_documents(str(path)), namespace=None, target=None)
    printed = stored(submission.event)

    again = read_experiment(yaml.safe_load(yaml.safe_dump(printed)))

    assert (again.errors, again.unknown) == ((), ())
    assert again.resource is not None
    assert again.resource.spec == submission.resource.spec
    assert again.resource.metadata.labels == submission.resource.metadata.labels
    assert again.resource.metadata.annotations == submission.resource.metadata.annotations
