"""Histories: finished Trials as arrays that grow beside their readers, and the cache of them."""

import math

import numpy as np
import pytest

from events.objective import ObjectiveType
from functions.suggestion.history import History, pack_row, to_loss, unpack_rows
from functions.suggestion.history_cache import HistoryCache


def test_packed_rows_come_back_as_they_were() -> None:
    rows = [(1.0, -0.1, 1e-300), (2.0, math.pi, -0.0)]

    packed = [pack_row(row) for row in rows]

    assert packed[0][:8] == b"\x00\x00\x00\x00\x00\x00\xf0\x3f"
    assert [tuple(row) for row in unpack_rows(packed).tolist()] == rows
    assert unpack_rows([]).size == 0
    assert unpack_rows([b"", b""]).shape == (2, 0)


def test_packed_rows_of_different_widths_are_refused() -> None:
    with pytest.raises(ValueError, match="same width"):
        unpack_rows([pack_row((1.0,)), pack_row((1.0, 2.0))])


def test_growing_keeps_what_was_there_in_order() -> None:
    history = History.empty(2)

    for seq in range(1, 301):
        history = history.extend([(seq, -seq)], [seq / 2], seq)

    assert len(history) == 300
    assert history.last_seq == 300
    assert history.rows[:, 0].tolist() == list(range(1, 301))
    assert history.values[-1] == 150.0


def test_a_reader_does_not_see_what_is_added_later() -> None:
    before = History.empty(1).extend([(1.0,)], [1.0], 1)
    rows = before.rows

    after = before.extend([(2.0,), (3.0,)], [2.0, 3.0], 3)

    assert rows.tolist() == before.rows.tolist() == [[1.0]]
    assert after.rows.tolist() == [[1.0], [2.0], [3.0]]
    assert after.rows.base is rows.base


def test_two_that_add_to_the_same_history_do_not_disturb_each_other() -> None:
    start = History.empty(1).extend([(1.0,)], [1.0], 1)

    one = start.extend([(2.0,)], [2.0], 2)
    other = start.extend([(2.0,), (3.0,)], [2.0, 3.0], 3)

    assert one.values.tolist() == [1.0, 2.0]
    assert other.values.tolist() == [1.0, 2.0, 3.0]


def test_what_an_algorithm_gets_cannot_be_written() -> None:
    history = History.empty(1).extend([(1.0,)], [1.0], 1)

    with pytest.raises(ValueError, match="read-only"):
        history.values[0] = 0.0


def test_nothing_new_changes_only_the_sequence() -> None:
    history = History.empty(3).extend(unpack_rows([]), [], 4)

    assert (len(history), history.last_seq, history.rows.shape) == (0, 4, (0, 3))


def test_a_loss_is_smaller_the_better_and_nan_without_objective() -> None:
    assert to_loss(2.0, ObjectiveType.MINIMIZE) == 2.0
    assert to_loss(2.0, ObjectiveType.MAXIMIZE) == -2.0
    assert math.isnan(to_loss(None, ObjectiveType.MAXIMIZE))
    assert math.isnan(to_loss(math.nan, ObjectiveType.MINIMIZE))


def test_a_row_is_known_by_its_exact_values() -> None:
    history = History.empty(2).extend(np.array([[0.3, 1.0]]), [math.nan], 1)

    assert history.has((0.3, 1.0))
    assert not history.has((0.1 + 0.2, 1.0))
    assert history.usable_count() == 0


def test_the_cache_forgets_what_was_unused_for_longest() -> None:
    cache = HistoryCache(max_entries=2)

    cache.put("a", History.empty(1))
    cache.put("b", History.empty(1))
    cache.get("a")
    cache.put("c", History.empty(1))

    assert [uid for uid in "abc" if cache.get(uid) is not None] == ["a", "c"]


def test_the_cache_keeps_within_its_bytes() -> None:
    cache = HistoryCache(max_bytes=3 * History.empty(1).size_bytes)

    for uid in "abcd":
        cache.put(uid, History.empty(1))
    cache.put("large", History.empty(1, capacity=10_000))

    assert cache.size_bytes == 3 * History.empty(1).size_bytes
    assert cache.get("large") is None


def test_the_cache_keeps_the_newer_history_and_drops_on_demand() -> None:
    cache = HistoryCache()
    newer = History.empty(1).extend([(1.0,)], [1.0], 1)

    cache.put("a", newer)
    cache.put("a", History.empty(1))
    kept = cache.get("a")
    cache.drop("a")

    assert kept is newer
    assert cache.get("a") is None
