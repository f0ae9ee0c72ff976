"""What is known of a source that pushes, in whatever order its ranges come; and who may push."""

import random

import pytest

from events.observation import TOKEN
from functions.errors import Reject
from functions.observation.pusher import Pusher
from functions.observation.recording import MAX_GAPS
from functions.observation.tokens import Tokens
from functions.trial.model import TrialState
from tests.builders import a_finished_trial, a_range, a_report
from tests.fakes import House, open_house

PUSH = {"metricsCollectorSpec": {"collector": {"kind": "Push"}}}
PUSHED = {"source": "worker", "pushed": True}


@pytest.fixture
async def house() -> House:
    return await open_house()


@pytest.mark.parametrize("seed", range(20))
def test_ranges_in_any_order_and_number_are_whole_in_the_end(seed: int) -> None:
    chance = random.Random(seed)
    ranges = [(start, min(start + 3, 20), start >= 17) for start in range(0, 20, 3)]
    told = [*ranges, *chance.choices(ranges, k=5)]
    chance.shuffle(told)

    pusher = Pusher()
    for start, end, is_last in told:
        pusher = pusher.add(start, end, is_last=is_last)

    assert pusher.add(20, 20, is_last=True) == Pusher(whole=20, count=20)


def test_a_gap_is_not_whole_and_what_lies_beyond_is_known() -> None:
    pusher = Pusher().add(0, 2, is_last=False).add(4, 6, is_last=True)

    assert (pusher.whole, pusher.is_complete) == (2, False)
    assert [pusher.has(*it) for it in ((0, 2), (4, 5), (1, 3), (2, 4))] == [True, True, False, False]


async def test_quick_points_are_folded_as_they_come_and_twice_changes_nothing(house: House) -> None:
    trial, _ = await house.start(**PUSH)
    for at, value in enumerate((3, 1, 2)):
        await house.handle(a_report(trial, a_range(value, start=at, end=at + 1, **PUSHED), id=f"p{at}"))
    before = house.rows()

    await house.handle(a_report(trial, a_range(1, start=1, end=2, **PUSHED), id="again"))

    metric = (await house.trial()).fold.metrics["loss"]
    assert house.rows() == before
    assert (metric.min, metric.max, metric.latest, metric.count) == ("1", "3", "2", 3)


async def test_more_gaps_than_a_broker_can_make_are_refused(house: House) -> None:
    trial, _ = await house.start(**PUSH)
    ahead = tuple((2 * at + 1, 2 * at + 2) for at in range(MAX_GAPS))
    await house.change(pushers={"worker": Pusher(ahead=ahead)})

    with pytest.raises(Reject, match="wait for those before them"):
        await house.handle(a_report(trial, a_range(1, start=9_999, end=10_000, **PUSHED)))


@pytest.mark.parametrize("token", [None, "", "forged", "another trial's", 7])
async def test_a_push_without_its_trials_token_is_refused_and_changes_nothing(house: House, token: object) -> None:
    house.wiring.tokens = tokens = Tokens("secret")
    trial, other = await house.start(**PUSH)
    if token == "another trial's":
        token = tokens.token_of(other.uid, 1)
    extensions = {} if token is None else {TOKEN: token}
    before = house.rows()

    with pytest.raises(Reject, match=TOKEN):
        await house.handle(a_report(trial, a_range(0.1, end=1, **PUSHED), extensions=extensions))

    assert house.rows() == before


async def test_a_push_with_its_trials_token_counts(house: House) -> None:
    house.wiring.tokens = tokens = Tokens("secret")
    trial, _ = await house.start(**PUSH)
    extensions = {TOKEN: tokens.token_of(trial.uid, 1)}
    await house.handle(a_report(trial, a_range(0.1, end=1, is_last=True, **PUSHED), extensions=extensions))

    await house.handle(a_finished_trial(trial, log_source="", log_end=None))

    assert ((await house.trial()).state, (await house.trial()).value) == (TrialState.SUCCEEDED, 0.1)


async def test_what_was_read_from_a_log_and_external_workers_need_no_token(house: House) -> None:
    house.wiring.tokens = Tokens("secret")
    trial, _ = await house.start()
    external, _ = await _start_external(house)

    await house.handle(a_report(trial, a_range(0.5)))
    await house.handle(a_report(external, a_range(0.5, end=1, **PUSHED), id="external"))

    assert [(await house.trial(1, uid)).cursor for uid in (trial.experiment_uid, external.experiment_uid)] == [10, 1]


async def _start_external(house: House) -> object:
    from tests.builders import a_created_event

    await house.play(a_created_event("uid-external", name="external", kind="External"))
    return await house.trials("uid-external")


def test_a_token_is_of_one_attempt_and_one_secret() -> None:
    tokens = {Tokens(secret).token_of(uid, attempt) for secret in "ab" for uid in "xy" for attempt in (1, 2)}

    assert len(tokens) == 8
    assert Tokens().token_of("x", 1) == ""
