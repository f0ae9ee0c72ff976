"""The examples: each file is an Experiment that is admitted as it stands, and starts a program that is there."""

import re
from pathlib import Path

import pytest
import yaml

from functions.experiment.admission import read_experiment

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "examples").rglob("*.yaml"))

every_file = pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))


@every_file
def test_every_example_is_a_valid_experiment(file: Path) -> None:
    admission = read_experiment(yaml.safe_load(file.read_text()))

    assert [str(error) for error in admission.errors] == []


@every_file
def test_the_programs_of_every_example_are_there(file: Path) -> None:
    named = re.findall(r"examples/[\w/-]+\.\w+", file.read_text())

    missing = [name for name in named if not (ROOT / name).exists()]

    assert missing == []
