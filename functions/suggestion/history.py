"""The finished Trials of an Experiment as two columns, and a cache of them for warm processes."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isnan, nan
from threading import Lock
from types import MappingProxyType
from typing import Final, Self, TypeVar, cast

import numpy as np
import numpy.typing as npt

from events.objective import ObjectiveType
from functions.suggestion.search_space import Row

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Labels = Mapping[str, str]
Scalar = TypeVar("Scalar", bound=np.generic)

_NO_LABELS: Final[Labels] = MappingProxyType({})

MIN_CAPACITY = 64
"""Trials that a new buffer has room for: most Experiments never grow it more than twice."""


def to_loss(value: float | None, objective_type: ObjectiveType) -> float:
    """Return what an algorithm minimizes; NaN stands for a Trial that has no usable objective."""
    if value is None or isnan(value):
        return nan
    return -value if objective_type == ObjectiveType.MAXIMIZE else value


def pack_row(row: Row) -> bytes:
    """Write a row as the store keeps it: little-endian doubles."""
    return struct.pack(f"<{len(row)}d", *row)


def unpack_row(packed: bytes) -> Row:
    """Read one row."""
    return struct.unpack(f"<{len(packed) // 8}d", packed)


def unpack_rows(packed: Sequence[bytes]) -> Floats:
    """Read many rows of one width at once. Raises ValueError where their widths differ."""
    if not packed:
        return np.empty((0, 0))
    size_bytes = len(packed[0])
    if any(len(row) != size_bytes for row in packed):
        raise ValueError("packed rows must all have the same width")
    return np.frombuffer(b"".join(packed), dtype="<f8").reshape(len(packed), size_bytes // 8).astype(np.float64)


def fill_rows(rows: Floats, lows: Sequence[float]) -> Floats:
    """Return stored points as algorithms see them: with the lowest value of an axis that was inactive."""
    filled: Floats = np.where(np.isnan(rows), np.array(lows), rows)
    return filled


class _Buffer:
    """Columns with room to grow. What was written once never changes; histories share it."""

    __slots__ = ("_filled", "_lock", "columns")

    def __init__(self, width: int, capacity: int, other_count: int) -> None:
        """Reserve room for so many Trials: rows, values, numbers, failures, labels, other objectives, violations."""
        self.columns = (
            np.empty((capacity, width)),
            np.empty(capacity),
            np.empty(capacity, dtype=np.int64),
            np.empty(capacity, dtype=np.bool_),
            np.empty(capacity, dtype=np.object_),
            np.empty((capacity, other_count)),
            np.empty(capacity),
        )
        self._filled = 0
        self._lock = Lock()

    def write(self, at: int, columns: Sequence[npt.ArrayLike], count: int) -> "_Buffer":
        """Write after the first `at` Trials: here if nobody else has and there is room, else into a copy."""
        rows, values, *_ = self.columns
        with self._lock:
            if at == self._filled and at + count <= len(values):
                for column, added in zip(self.columns, columns, strict=True):
                    column[at : at + count] = added
                self._filled = at + count
                return self
        copy = _Buffer(rows.shape[1], max(MIN_CAPACITY, 2 * (at + count)), self.columns[5].shape[1])
        copy.write(0, [column[:at] for column in self.columns], at)
        return copy.write(at, columns, count)


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The finished Trials up to the `last_seq`-th finish, oldest first.

    It never changes: `extend` returns a longer one that shares its memory, so an algorithm may read it while
    another thread adds to it, and two threads that add the same finishes do not add them twice.
    """

    length: int
    last_seq: int
    _buffer: _Buffer = field(repr=False)
    prior_count: int = 0
    """So many of the first Trials are not the Experiment's own: known results, and those of earlier Experiments."""
    scores: Floats | None = None
    """What takes the place of the losses where there are several objectives or constraints on metrics."""

    @classmethod
    def empty(cls, width: int, capacity: int = MIN_CAPACITY, *, other_count: int = 0) -> Self:
        """Return the history of an Experiment with so many parameters, and objectives after the first."""
        return cls(0, 0, _Buffer(width, capacity, other_count))

    def __len__(self) -> int:
        """Count the finished Trials, those without objective included."""
        return self.length

    @property
    def rows(self) -> Floats:
        """One row a Trial (n x d), read-only."""
        return _read_only(self._buffer.columns[0][: self.length])

    @property
    def values(self) -> Floats:
        """One loss a Trial (n), read-only: smaller is better, NaN is a Trial without usable objective."""
        return _read_only(self._buffer.columns[1][: self.length] if self.scores is None else self.scores)

    @property
    def losses(self) -> Floats:
        """The losses of all objectives (n x m), as they were observed: smaller is better."""
        return np.column_stack([self._buffer.columns[1][: self.length], self._buffer.columns[5][: self.length]])

    @property
    def violations(self) -> Floats:
        """How far each Trial breaks the constraints on metrics (n), read-only: 0 is not, infinity is unknown."""
        return _read_only(self._buffer.columns[6][: self.length])

    @property
    def is_plain(self) -> bool:
        """Whether there is one objective, and no constraint was ever broken."""
        return not self._buffer.columns[5].shape[1] and not self.violations.any()

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """The number of each Trial (n): Trials finish in another order than they were created in."""
        return _read_only(self._buffer.columns[2][: self.length])

    @property
    def is_failed(self) -> npt.NDArray[np.bool_]:
        """Whether each Trial failed or was killed (n): one that only lacks its metrics did not."""
        return _read_only(self._buffer.columns[3][: self.length])

    @property
    def labels(self) -> Sequence[Labels]:
        """The labels of each Trial (n), its Experiment's included: what its suggestion said of it comes back here."""
        return cast("Sequence[Labels]", _read_only(self._buffer.columns[4][: self.length]))

    @property
    def size_bytes(self) -> int:
        """The memory that it holds; labels are shared and not counted."""
        return sum(column.nbytes for column in self._buffer.columns)

    def extend(
        self,
        rows: npt.ArrayLike | Sequence[Row],
        values: npt.ArrayLike,
        last_seq: int,
        *,
        numbers: npt.ArrayLike | None = None,
        is_failed: npt.ArrayLike = False,
        labels: Sequence[Labels] = (),
        others: npt.ArrayLike | None = None,
        violations: npt.ArrayLike = 0.0,
    ) -> "History":
        """Return this history with newer finishes after it, the newest of which is the `last_seq`-th.

        Without `numbers` the Trials finished in the order in which they were created.
        """
        count = np.size(values)
        if not count:
            return replace(self, last_seq=last_seq)
        counted = np.arange(self.length + 1, self.length + count + 1) if numbers is None else numbers
        named = np.empty(count, dtype=np.object_)
        named[:] = labels or [_NO_LABELS] * count
        more = np.empty((count, 0)) if others is None else others
        columns = (rows, values, counted, is_failed, named, more, violations)
        buffer = self._buffer.write(self.length, columns, count)
        return replace(self, length=self.length + count, last_seq=last_seq, _buffer=buffer)

    def as_prior(self) -> "History":
        """Return this with all of it known before the first Trial: a Trial may try the same points."""
        return replace(self, prior_count=self.length)

    def usable_count(self) -> int:
        """Count the Trials that have an objective."""
        return int(np.count_nonzero(~np.isnan(self.values)))

    def has(self, row: Row) -> bool:
        """Tell whether a finished Trial of the Experiment had exactly this row."""
        rows, same = self.rows, np.arange(self.prior_count, self.length)
        for column, value in enumerate(row):
            same = same[rows[same, column] == value]
        return same.size > 0

    def distinct_rows(self) -> set[Row]:
        """Return every row of the Experiment's own Trials once."""
        return set(map(tuple, self.rows[self.prior_count :].tolist()))


def _read_only(view: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    view.flags.writeable = False
    return view
