"""What an algorithm needs to be asked for and to check an Experiment: admission runs where NumPy is not installed."""

import subprocess
import sys

import pytest

from functions.suggestion.algorithms import ALGORITHM_NAMES

VALIDATE = """
import sys

for name in ("numpy", "scipy", "optuna"):
    sys.modules[name] = None  # an import of it raises

from events.experiment import ExperimentSpec
from functions.suggestion.algorithms import get_algorithm

list(get_algorithm(sys.argv[1]).validate(ExperimentSpec(), {}))
"""


@pytest.mark.parametrize("name", ALGORITHM_NAMES)
def test_an_experiment_is_checked_without_the_libraries_of_its_search(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", VALIDATE, name], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
