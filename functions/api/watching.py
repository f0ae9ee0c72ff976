"""Watches: a scope is looked at again and again while somebody watches, and what has changed is told to each watcher.

What was seen at a list is remembered for a while, so that a watch can go on from there without a gap. Another process
has seen other things: what it does not know it refuses with 410, and the client lists anew.
"""

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass

from functions.api.looking import Looker, Scope, Seen
from functions.api.ports import Pace, Reader
from functions.api.selectors import Selector
from functions.api.versions import change_label, is_before, time_of, whole_label

POLL_SECONDS = 0.5
"""Between two looks at a scope that is watched."""
HISTORY_COUNT = 1_000
"""Changes of a scope that a watch may go back."""
SCOPE_COUNT = 32
"""Scopes that are remembered; the one that was used longest ago is forgotten first."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two looks; what came has no old side, what went no new one."""

    at_millis: int
    old: Seen | None
    new: Seen | None

    @property
    def label(self) -> int:
        """Its resource version."""
        return change_label(self.at_millis, self.new.version if self.new else 0)

    def tell(self, selector: Selector) -> tuple[str, Seen] | None:
        """Return the event for somebody who sees only what the selector takes; None where it is nothing to them."""
        was = self.old is not None and selector.matches(self.old.labels)
        if self.new is not None and selector.matches(self.new.labels):
            return ("MODIFIED" if was else "ADDED"), self.new
        return ("DELETED", self.old) if was and self.old is not None else None


class Watched:
    """One scope: what was there at the last look, and the changes before it."""

    def __init__(self, looker: Looker, pace: Pace) -> None:
        self._looker = looker
        self._pace = pace
        self._seen: dict[str, Seen] = {}
        self._changes: deque[Change] = deque()
        self._at_millis = 0
        self._since_millis = 0
        self._lock = asyncio.Lock()

    async def look(self) -> tuple[list[Seen], int]:
        """Look at everything; return what is there and the version of that."""
        async with self._lock:
            await self._look(is_quick=False)
            return list(self._seen.values()), self.label

    async def look_again(self) -> None:
        """Look at what may have changed, unless another watcher just has."""
        asked_at = self._now()
        async with self._lock:
            if asked_at - self._at_millis >= POLL_SECONDS / 2 * 1_000:
                await self._look(is_quick=True)

    async def _look(self, *, is_quick: bool) -> None:
        found = {seen.uid: seen for seen in await self._looker.look(is_quick=is_quick)}
        at_millis = max(self._now(), self._at_millis + 1)
        if not self._at_millis:
            self._since_millis = at_millis
        else:
            self._note(found, at_millis)
        self._seen, self._at_millis = found, at_millis

    def _note(self, found: dict[str, Seen], at_millis: int) -> None:
        gone = [Change(at_millis, old, None) for uid, old in self._seen.items() if uid not in found]
        new = [
            Change(at_millis, old, seen)
            for uid, seen in found.items()
            if (old := self._seen.get(uid)) is None or old.fingerprint != seen.fingerprint
        ]
        self._changes += gone + new
        while len(self._changes) > HISTORY_COUNT:
            self._since_millis = self._changes.popleft().at_millis + 1

    @property
    def label(self) -> int:
        """The version of what was there at the last look."""
        return whole_label(self._at_millis)

    def has_forgotten(self, label: int) -> bool:
        """Tell whether changes after this version may be unknown here."""
        return not self._at_millis or time_of(label) < self._since_millis

    def changes_after(self, label: int) -> list[Change]:
        """Return what has changed since this version, in its order."""
        return [change for change in self._changes if is_before(label, change.at_millis)]

    def _now(self) -> int:
        return int(self._pace.now().timestamp() * 1_000)


class Watches:
    """The scopes that this process remembers."""

    def __init__(self, reader: Reader, pace: Pace) -> None:
        self._reader = reader
        self._pace = pace
        self._scopes: OrderedDict[Scope, Watched] = OrderedDict()

    def scope(self, scope: Scope) -> Watched:
        """Return what is known of a scope."""
        if scope not in self._scopes:
            self._scopes[scope] = Watched(Looker(self._reader, scope), self._pace)
        self._scopes.move_to_end(scope)
        while len(self._scopes) > SCOPE_COUNT:
            self._scopes.popitem(last=False)
        return self._scopes[scope]
