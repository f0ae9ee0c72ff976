"""What is here of the points that one source pushes: they come in any order, more than once, or never."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Pusher:
    """Positions [0, whole) are here, and the ranges `ahead` of a gap; `count` is known when the source has ended."""

    whole: int = 0
    count: int | None = None
    ahead: tuple[tuple[int, int], ...] = ()

    @property
    def is_complete(self) -> bool:
        """Tell whether every point is here."""
        return self.count is not None and self.whole >= self.count

    def has(self, start: int, end: int) -> bool:
        """Tell whether all of [start, end) is here."""
        return end <= self.whole or any(low <= start and end <= high for low, high in self.ahead)

    def add(self, start: int, end: int, *, is_last: bool) -> Self:
        """Return what is here with this range."""
        whole, ahead = self.whole, []
        for low, high in sorted({*self.ahead, (start, end)}):
            if low <= whole:
                whole = max(whole, high)
            else:
                ahead.append((low, high))
        return replace(self, whole=whole, ahead=tuple(ahead), count=end if is_last else self.count)
