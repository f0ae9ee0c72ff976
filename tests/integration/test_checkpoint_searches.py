"""Searches whose Trials go on from checkpoints, to their ends, with Workers that really do: `pbt`, and by rungs."""

import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from events.envelope import new_id
from events.experiment import ExperimentCreated
from functions.experiment.model import Phase
from functions.trial.lineage import POPULATION, RUNGS
from functions.trial.model import Trial, TrialState
from infra.settings import Settings
from infra.target.checkpoints import checkpoint_path
from local_runner.documents import load_documents
from tests.builders import a_reference
from tests.integration.embedded_rig import a_shell_experiment, clean_up, quick_settings, run

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PLACE = "/opt/kuttab/checkpoints"
SIZE = 5
BEST_FIXED = (("4", "0.03"), ("64", "0.2"), ("64", "0.3"))
"""Of batch sizes 4 to 64 and learning rates 0.01 to 0.4 the best settings for the example, kept all the time."""


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    """Name a fresh directory, and leave no Worker behind."""
    quick = quick_settings(tmp_path)
    yield quick
    await clean_up(quick)


def pbt(**settings: str) -> dict[str, Any]:
    chosen = {"n_population": str(SIZE), "truncation_threshold": "0.2", "suggestion_trial_dir": PLACE, **settings}
    return {
        "algorithmName": "pbt",
        "algorithmSettings": [{"name": name, "value": value} for name, value in chosen.items()],
    }


def generation_of(trial: Trial) -> int:
    return int(trial.labels[POPULATION.generation])


def generations_of(trials: Sequence[Trial]) -> list[list[Trial]]:
    return [[it for it in trials if generation_of(it) == number] for number in range(1 + generation_of(trials[-1]))]


@pytest.mark.timeout(600)
async def test_the_example_beats_the_best_fixed_setting(settings: Settings, tmp_path: Path) -> None:
    (document,) = load_documents(str(ROOT / "examples/pbt.yaml"))
    event = ExperimentCreated(experiment=a_reference(new_id(), name="pbt"), resource=document.manifest)

    ((experiment, trials),) = await run(settings, event, patience_seconds=500)

    assert (experiment.phase, experiment.succeeded) == (Phase.SUCCEEDED, 80)
    assert experiment.optimal_value is not None
    fixed = [train_with(batch_size, rate, tmp_path / rate / batch_size) for batch_size, rate in BEST_FIXED]
    assert experiment.optimal_value < 0.9 * min(fixed)
    assert all(it.value.isdigit() for trial in trials for it in trial.assignments if it.name == "batch-size")
    check_checkpoints(settings, trials)


def train_with(batch_size: str, rate: str, directory: Path) -> float:
    """Return the least loss of a network that learns as much as those of the last generation, with one setting."""
    directory.mkdir(parents=True)
    command = [sys.executable, "examples/pbt.py", "--batch-size", batch_size, "--learning-rate", rate]
    command += ["--checkpoint", str(directory)]
    parts = [subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout for _ in range(10)]
    return min(float(line.split("loss=")[1]) for part in parts for line in part.splitlines())


def check_checkpoints(settings: Settings, trials: Sequence[Trial]) -> None:
    """Each of the last two generations has learnt from all samples since the first; the others' are deleted."""
    left = {trial: checkpoint_path(settings.directory / "workers", trial.uid) for trial in trials}
    seen = {trial: int(np.load(path / "weights.npz")["seen"]) for trial, path in left.items() if path.is_dir()}
    assert seen == {trial: 20_000 * (1 + generation_of(trial)) for trial in seen}
    assert {trial for trial in trials if generation_of(trial) >= 8} <= seen.keys()
    assert len(seen) <= 17
    assert len(list((settings.directory / "workers").glob("*-checkpoint.json"))) == len(seen)


CHAIN = f"""
cp -r {PLACE} $OUT/before-$KUTTAB_TRIAL_NAME
echo $KUTTAB_TRIAL_NAME >> {PLACE}/chain
test "$KUTTAB_TRIAL_NUMBER" != 2 || exit 3
echo "$KUTTAB_GENERATION $KUTTAB_PARENT_TRIAL" > $OUT/$KUTTAB_TRIAL_NAME
test -z "$KUTTAB_PARENT_TRIAL" || cmp $KUTTAB_PARENT_CHECKPOINT/chain $OUT/before-$KUTTAB_TRIAL_NAME/chain || exit 4
test "$KUTTAB_CHECKPOINT" = {PLACE} || exit 5
echo loss=$1
"""


async def test_losers_go_on_from_the_winners_checkpoint_and_a_failed_member_is_replaced(
    settings: Settings, tmp_path: Path
) -> None:
    script = f"OUT={tmp_path}/out; mkdir -p $OUT;{CHAIN}"
    event = a_shell_experiment(script, trials=20, maxFailedTrialCount=2, algorithm=pbt(), maxRetries=0)

    ((experiment, trials),) = await run(settings, event)

    assert (experiment.succeeded, experiment.failed) == (19, 1)
    for former, generation in zip(generations_of(trials), generations_of(trials)[1:], strict=False):
        named = {trial.name: trial for trial in former}
        ranked = sorted((it for it in former if it.state == TrialState.SUCCEEDED), key=lambda it: it.value or 0)
        losers = [it for it in former if it.state == TrialState.FAILED] or ranked[-1:]
        parents = [named[child.labels[POPULATION.parent]] for child in generation]
        expected = [ranked[0] if it in losers else it for it in former]
        assert parents == expected
        for child, parent in zip(generation, parents, strict=True):
            out = tmp_path / "out"
            assert (out / child.name).read_text() == f"{generation_of(child)} {parent.name}\n"
            assert (out / f"before-{child.name}" / "chain").read_text().splitlines()[-1] == parent.name
            assert parent not in losers or child.assignments == parent.assignments


INTEGER = {"name": "x", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "1000000"}}


@pytest.mark.parametrize("share", ["0", "1"])
async def test_values_are_a_fifth_away_or_drawn_again_and_integers_stay_integers(
    settings: Settings, share: str
) -> None:
    algorithm = pbt(resample_probability=share, random_state="1")
    event = a_shell_experiment("echo loss=$1", trials=15, algorithm=algorithm, parameters=[INTEGER])

    ((_, trials),) = await run(settings, event)

    values = {trial.name: trial.assignments[0].value for trial in trials}
    steps = [(values[it.name], values[it.labels[POPULATION.parent]]) for it in trials if POPULATION.parent in it.labels]
    ratios = [int(mine) / int(theirs) for mine, theirs in steps if mine != "1000000"]
    near = [ratio for ratio in ratios if min(abs(ratio - step) for step in (0.8, 1, 1.2)) < 1e-3]
    assert len(steps) == 10
    assert all(value.isdigit() for value in values.values())
    assert near == ratios if share == "0" else len(near) < len(ratios) / 2


EPOCHS = {"name": "x", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "9"}}
CLIMB = """
done=$(cat $KUTTAB_CHECKPOINT/epochs 2>/dev/null || echo 0)
echo "begins at $done"
test -z "$KUTTAB_PARENT_TRIAL" || cmp $KUTTAB_PARENT_CHECKPOINT/epochs $KUTTAB_CHECKPOINT/epochs || exit 4
echo $1 > $KUTTAB_CHECKPOINT/epochs
echo loss=0.$KUTTAB_TRIAL_NUMBER done=$done
"""


@pytest.mark.parametrize("name", ["asha", "bohb", "hyperband"])
async def test_who_is_promoted_goes_on_from_its_own_checkpoint(settings: Settings, name: str) -> None:
    chosen = {"r_l": "9", "resource_name": "x", "eta": "3"}
    pairs = [{"name": key, "value": value} for key, value in chosen.items()]
    event = a_shell_experiment(
        CLIMB,
        trials=23,
        parallelTrialCount=4,
        algorithm={"algorithmName": name, "algorithmSettings": pairs},
        objective={"type": "minimize", "objectiveMetricName": "loss", "additionalMetricNames": ["done"]},
        parameters=[EPOCHS],
        allowDuplicates=True,
    )

    ((experiment, trials),) = await run(settings, event)

    named = {trial.name: trial for trial in trials}
    promoted = [trial for trial in trials if RUNGS.parent in trial.labels]
    assert (experiment.succeeded, experiment.failed) == (23, 0)
    assert promoted
    for trial in trials:
        parent = named.get(trial.labels.get(RUNGS.parent, ""))
        done = trial.fold.text_of(experiment.objective, "done")
        assert done == (epochs_of(parent) if parent else "0")
        assert parent is None or int(epochs_of(trial)) == 3 * int(epochs_of(parent))


def epochs_of(trial: Trial) -> str:
    return trial.assignments[0].value
