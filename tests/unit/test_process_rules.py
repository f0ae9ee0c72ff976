"""What a process is started with is checked at admission, not at its launch."""

import pytest

from events.resource import Manifest
from tests.unit.test_trial_template import AT, a_process, a_template, errors_of


@pytest.mark.parametrize(
    ("manifest", "path", "message"),
    [
        (
            a_process(command=["train", "${trialParameters.lr}", 1.10]),
            f"{AT}.trialSpec.spec.command[2]",
            "must be a string: put it in quotes, got 1.1",
        ),
        (
            a_process(args="--fast"),
            f"{AT}.trialSpec.spec.args",
            'must be a list, got "--fast"',
        ),
        (
            a_process(env={"": "x"}),
            f"{AT}.trialSpec.spec.env",
            'has a variable without a name, got ""',
        ),
        (
            a_process(env={"A=B": "x"}),
            f"{AT}.trialSpec.spec.env",
            (
                "a valid environment variable name must consist only of printable ASCII characters other than '=',"
                ' got "A=B"'
            ),
        ),
        (
            a_process(env=[{"name": "A\0B", "value": "x"}]),
            f"{AT}.trialSpec.spec.env[0].name",
            (
                "a valid environment variable name must consist only of printable ASCII characters other than '=',"
                ' got "A\\u0000B"'
            ),
        ),
        (
            a_process(env=["A=B"]),
            f"{AT}.trialSpec.spec.env[0]",
            'must be an object with name and value, got "A=B"',
        ),
        (
            a_process(env={"A": ["x"]}),
            f"{AT}.trialSpec.spec.env.A",
            'must be a string, got ["x"]',
        ),
        (
            a_process(env="A=B"),
            f"{AT}.trialSpec.spec.env",
            'must be a list of names and values, got "A=B"',
        ),
    ],
)
def test_a_program_can_be_started(manifest: Manifest, path: str, message: str) -> None:
    assert errors_of(a_template(manifest)) == [(path, message)]


@pytest.mark.parametrize(
    "env", [{"SEED": 7, "LR of ${trialParameters.lr}": "x", "ON": True}, [{"name": "SEED", "value": 7}, {"name": "X"}]]
)
def test_variables_of_a_process_may_be_bare_numbers(env: object) -> None:
    assert errors_of(a_template(a_process(env=env))) == []
