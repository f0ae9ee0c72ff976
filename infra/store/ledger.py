"""SQLLedger: what reconcile and a host's supervisor read besides, all of it by index and in bounded pages."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, Table, delete, select, update

from functions.catalog import satisfies
from functions.experiment.model import Experiment
from functions.ports import Host
from functions.trial.model import ACTIVE, Trial
from infra.store.mapping import experiments, hosts, launch_queues, suggestions, tombstones, trials
from infra.store.readable import SILENCE_SECONDS, has_key, read_rows
from infra.store.store import SQLStore

_RANK_EXPERIMENTS, _RANK_TRIALS = 0, 2
_NOTE_AGE = timedelta(days=1)
"""How old the note of a queue in use may be: each refresh is a write to a row that all searches share."""


class SQLLedger(SQLStore):
    """The port `Ledger`."""

    async def due_experiments(self, limit: int) -> Sequence[Experiment]:
        """Return and lock Experiments whose time has come."""
        query = select(Experiment).where(experiments.c.due_at <= await self.now())
        query = query.order_by(experiments.c.due_at).limit(limit)
        return await self._read_due(experiments, self._lock(query, _RANK_EXPERIMENTS, skip_locked=True))

    async def due_trials(self, limit: int) -> Sequence[Trial]:
        """Return and lock Trials whose time has come."""
        query = select(Trial).where(trials.c.due_at <= await self.now()).order_by(trials.c.due_at).limit(limit)
        return await self._read_due(trials, self._lock(query, _RANK_TRIALS, skip_locked=True))

    async def _read_due(self, table: Table, query: Select[Any]) -> list[Any]:
        """Return what can be read; the rest is put off, so that it takes nobody's place in the next page."""
        found, unread = await read_rows(self._session, query)
        later = await self.now() + timedelta(seconds=SILENCE_SECONDS)
        for key in unread:
            await self._session.execute(update(table).where(*has_key(table, key)).values(due_at=later))
        return found

    async def end_searches(self) -> None:
        """Give back the leases of searches that nobody holds any more: for a runner that knows it is the only one."""
        free = {"lease_token": "", "lease_holder": "", "lease_until": None}
        held = experiments.c.searching_until.is_not(None)
        woken = {"searching_until": None, "due_at": await self.now()}
        await self._session.execute(update(experiments).where(held).values(woken))
        await self._session.execute(update(suggestions).where(suggestions.c.lease_until.is_not(None)).values(free))

    async def experiments_of(self, uids: Sequence[str]) -> Mapping[str, Experiment | None]:
        """Return these Experiments, not locked; see the port."""
        if not uids:
            return {}
        found, unread = await read_rows(self._session, select(Experiment).where(experiments.c.uid.in_(uids)))
        return {**{experiment.uid: experiment for experiment in found}, **{uid: None for (uid,) in unread}}

    async def beat(self, host: Host) -> None:
        """Write the heartbeat; a lost host that beats is back."""
        values = {"slots": host.slots, "busy": host.busy, "labels": dict(host.labels)}
        alive = {**values, "beat_at": await self.now(), "suspected_at": None, "lost_at": None}
        changed = await self._session.execute(update(hosts).where(hosts.c.name == host.name).values(alive))
        if not changed.rowcount:  # type: ignore[attr-defined]  # an UPDATE's result is a CursorResult
            await self._insert_new(hosts, {"name": host.name, **alive})

    async def suspect_hosts(self, silence_seconds: float) -> Sequence[str]:
        """Suspect silent hosts, and return those that have been suspected for a silence already."""
        before = await self.now() - timedelta(seconds=silence_seconds)
        is_silent = (hosts.c.beat_at < before) & hosts.c.lost_at.is_(None)
        lost = list(await self._session.scalars(select(hosts.c.name).where(is_silent, hosts.c.suspected_at <= before)))
        suspect = update(hosts).where(is_silent, hosts.c.suspected_at.is_(None))
        await self._session.execute(suspect.values(suspected_at=await self.now()))
        return lost

    async def lose_host(self, name: str) -> None:
        """Mark the host, and make its Trials due."""
        at = await self.now()
        await self._session.execute(update(hosts).where(hosts.c.name == name).values(lost_at=at))
        held = (trials.c.host == name) & trials.c.removed_at.is_(None) & trials.c.state.in_(ACTIVE)
        await self._session.execute(update(trials).where(held).values(due_at=at))

    async def lost_hosts(self) -> frozenset[str]:
        """Return the names of the lost hosts."""
        return frozenset(await self._session.scalars(select(hosts.c.name).where(hosts.c.lost_at.is_not(None))))

    async def has_free_host(self, selector: Mapping[str, str]) -> bool:
        """Tell whether a living host that satisfies the selector has a free slot."""
        query = select(hosts.c.labels).where(hosts.c.lost_at.is_(None), hosts.c.busy < hosts.c.slots)
        return any(satisfies(labels, selector) for labels in await self._session.scalars(query))

    async def note_launch_queue(self, queue: str) -> None:
        """Insert or refresh the name; looked for first, since writing would lock a busy row."""
        at, it = await self.now(), launch_queues.c
        noted_at = await self._session.scalar(select(it.noted_at).where(it.name == queue))
        if noted_at is not None and at - noted_at < _NOTE_AGE:
            return
        changed = await self._session.execute(update(launch_queues).where(it.name == queue).values(noted_at=at))
        if not changed.rowcount:  # type: ignore[attr-defined]  # as above; it may have been forgotten just now
            await self._insert_new(launch_queues, {"name": queue, "noted_at": at})

    async def forget_launch_queues(self, older_than_seconds: float) -> None:
        """Delete names by their age; one that is refreshed at this moment stays."""
        before = await self.now() - timedelta(seconds=older_than_seconds)
        await self._session.execute(delete(launch_queues).where(launch_queues.c.noted_at < before))

    async def noted_launch_queues(self, queues: Sequence[str]) -> frozenset[str]:
        """Return those that are there, by their keys."""
        query = select(launch_queues.c.name).where(launch_queues.c.name.in_(queues))
        return frozenset(await self._session.scalars(query)) if queues else frozenset()

    async def trials_of_host(self, name: str) -> Sequence[Trial]:
        """Return the Trials whose Workers this host holds or must remove."""
        query = select(Trial).where(trials.c.host == name, trials.c.removed_at.is_(None))
        found, _ = await read_rows(self._session, query.order_by(trials.c.experiment_uid, trials.c.number))
        return found

    async def delete_tombstones(self, older_than_seconds: float, limit: int) -> None:
        """Forget old tombstones, a page at a time."""
        before = await self.now() - timedelta(seconds=older_than_seconds)
        old = select(tombstones.c.uid).where(tombstones.c.buried_at < before).limit(limit)
        if uids := list(await self._session.scalars(old)):
            await self._session.execute(delete(tombstones).where(tombstones.c.uid.in_(uids)))
