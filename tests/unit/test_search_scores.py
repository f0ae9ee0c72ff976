"""What benchmarks.search makes of its runs: the scores are right, also where contenders have different runs."""

import numpy as np
import pytest

from benchmarks.search_report import report
from benchmarks.search_runs import Record, Run
from benchmarks.search_scores import compare_pair, least_losses, rank, relative_curves, score


def a_record(
    task: str, algorithm: str, seed: int = 0, *, curve: tuple[float, ...] = (1.0, 0.5), **more: float
) -> Record:
    return Record(Run(task, algorithm, seed, 1, len(curve)), curve, more.get("least"), 0.1)


def curves_of(**runs: float) -> dict[tuple[str, int], np.ndarray]:
    """Name runs by task and seed, as in `sphere_0`."""
    return {(name.split("_")[0], int(name.split("_")[1])): np.array([regret]) for name, regret in runs.items()}


def test_equals_share_their_rank() -> None:
    ranks = rank(np.array([[1.0, 2.0], [1.0, 1.0], [3.0, 3.0]]))

    assert ranks.tolist() == [[1.5, 2.0], [1.5, 1.0], [3.0, 3.0]]


def test_a_pair_is_compared_on_the_runs_that_both_have() -> None:
    ours = curves_of(a_0=0.1, a_1=0.1, b_0=0.4, c_0=0.001)
    theirs = curves_of(a_0=0.2, a_1=0.2, b_0=0.1, d_0=0.001)

    pair = compare_pair(ours, theirs, 1)

    assert pair is not None
    assert (pair.runs, pair.tasks) == (3, 2)
    assert pair.ratio == pytest.approx((0.5 * 4) ** 0.5)  # the mean of each task first, whatever its number of seeds
    assert pair.low <= pair.ratio <= pair.high
    assert pair.rank == pytest.approx((1 + 1 + 2) / 3)


def test_a_tie_is_half_a_win() -> None:
    pair = compare_pair(curves_of(a_0=0.1, b_0=0.1), curves_of(a_0=0.1, b_0=0.2), 1)

    assert pair is not None
    assert pair.rank == 1.25


def test_there_is_no_pair_beyond_the_budget_that_was_run() -> None:
    assert compare_pair(curves_of(a_0=0.1), curves_of(a_0=0.1), 2) is None


def test_the_table_is_of_the_runs_that_all_have() -> None:
    scores = score({"few": curves_of(a_0=0.1), "many": curves_of(a_0=0.2, a_1=0.9), "none": {}}, 1)

    assert {name: (it.runs, it.rank) for name, it in scores.items()} == {"few": (1, 1.0), "many": (1, 2.0)}
    assert scores["many"].regret == pytest.approx(0.2)


def test_an_unknown_least_loss_is_the_best_that_anyone_found() -> None:
    records = [a_record("svc_digits", "auto"), a_record("svc_digits", "slow", curve=(0.25,))]

    assert least_losses(records) == {("svc_digits", 0): 0.25}


def test_regret_is_relative_to_what_random_search_has_left() -> None:
    yardstick = a_record("branching", "random", curve=(3.0,) * 59 + (2.0,), least=0.0)
    curves = relative_curves([yardstick, a_record("branching", "auto", curve=(1.0, 0.0), least=0.0)], 1)

    assert curves["auto"]["branching", 0].tolist() == [0.5, 0.001]
    assert curves["random"]["branching", 0][-1] == 1.0


def test_who_cannot_search_a_task_is_in_the_pairs_alone() -> None:
    narrow = "katib-bayesianoptimization"
    records = [
        a_record(task, name, curve=(1.0,) * 60, least=0.0)
        for task, name in [("table5x5", narrow), ("table5x5", "auto"), ("branching", "auto")]
    ]
    records += [a_record(task, "random", curve=(1.0,) * 60, least=0.0) for task in ("table5x5", "branching")]

    scores = report(records, ["auto", narrow, "random"], [60], [1])

    assert set(scores["one by one, all"]["60"]) == {"auto", "random"}
    assert {it["runs"] for it in scores["one by one, all"]["60"].values()} == {2}
    assert scores["one by one, all, auto beside each"]["60"][narrow]["runs"] == 1
