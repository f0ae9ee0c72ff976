"""The promises hold in every seed's world, and every planted bug is seen."""

from collections import Counter

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.coverage import EXPECTED
from tests.simulation.run import run_seed

SEEDS = 500
CHUNK = 25
BUG_SEEDS = 500


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_promises_hold(first: int) -> None:
    """A failing seed names itself: `make simulate SEEDS=1 SEED0=<seed>` replays it."""
    broken = {}
    for seed in range(first, first + CHUNK):
        try:
            run_seed(seed)
        except Exception as error:  # noqa: BLE001 - all broken seeds are reported together
            broken[seed] = f"{type(error).__name__}: {error}"

    assert not broken, f"{broken}; replay: make simulate SEEDS=1 SEED0={next(iter(broken))}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_seen(bug: str) -> None:
    def sees(seed: int) -> bool:
        try:
            run_seed(seed)
        except Exception:  # noqa: BLE001 - any broken promise will do
            return True
        return False

    with BUGS[bug]():
        seen = next((seed for seed in range(BUG_SEEDS) if sees(seed)), None)

    assert seen is not None, f"{bug} went unseen in {BUG_SEEDS} seeds"


def test_a_seed_replays_itself() -> None:
    first, again = run_seed(11), run_seed(11)

    assert first.broker.types == again.broker.types
    assert first.clockwork.faults == again.clockwork.faults


@pytest.mark.timeout(300)
def test_everything_that_may_come_about_does() -> None:
    happened: Counter[str] = Counter()
    for seed in range(0, SEEDS, 10):
        happened += run_seed(seed).clockwork.happened

    assert sorted(EXPECTED - (+happened).keys()) == []
