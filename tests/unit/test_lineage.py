"""What a Worker is told of where its Trial comes from, on targets that copy nothing."""

from dataclasses import replace

import pytest

from events.experiment import ExperimentSpec
from functions.trial.lineage import POPULATION, RUNGS, LineageLabels, find_lineage
from infra.target.worker_environment import trial_environment
from tests.builders import a_reference
from tests.contract.target_contract import a_worker
from tests.unit.algorithm_requests import a_spec


def told(spec: ExperimentSpec, labels: LineageLabels, *, parent: int | None = 1) -> dict[str, str]:
    given = labels.write(a_reference(), 2, parent=parent, family=1)
    worker = replace(a_worker({}), lineage=find_lineage(spec, given))
    found = trial_environment(worker)
    names = ("KUTTAB_GENERATION", "KUTTAB_PARENT_TRIAL", "KUTTAB_CHECKPOINT", "KUTTAB_PARENT_CHECKPOINT")
    return {name: found[name].replace(worker.trial.name, "ME") for name in names if name in found}


@pytest.mark.parametrize("labels", [POPULATION, RUNGS])
def test_places_follow_from_the_setting(labels: LineageLabels) -> None:
    parent = labels.write(a_reference(), 2, parent=1)[labels.parent]

    assert told(a_spec("any", suggestion_trial_dir="/ckpt"), labels) == {
        "KUTTAB_GENERATION": "2",
        "KUTTAB_PARENT_TRIAL": parent,
        "KUTTAB_CHECKPOINT": "/ckpt/digits/ME",
        "KUTTAB_PARENT_CHECKPOINT": f"/ckpt/digits/{parent}",
    }
    assert told(a_spec("any", suggestion_trial_dir="/ckpt", checkpoint="s3://b/p"), labels, parent=None) == {
        "KUTTAB_GENERATION": "2",
        "KUTTAB_CHECKPOINT": "s3://b/p/digits/ME",
    }


def test_without_a_place_there_is_none_to_tell() -> None:
    parent = RUNGS.write(a_reference(), 2, parent=1)[RUNGS.parent]

    assert told(a_spec("asha"), RUNGS) == {"KUTTAB_GENERATION": "2", "KUTTAB_PARENT_TRIAL": parent}


def test_other_labels_say_nothing_and_strange_generations_are_the_first() -> None:
    lineage = find_lineage(ExperimentSpec(), {POPULATION.generation: "late"})

    assert find_lineage(ExperimentSpec(), {"a": "b"}) is None
    assert lineage is not None
    assert lineage.depth == 0
