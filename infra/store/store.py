"""SQLStore: one unit of work on an AsyncSession; rows are locked in one order, and locked rows are read once."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import DateTime, Select, Table, Text, delete, literal_column, select, type_coerce, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from events.observation import MetricPoint, MetricRange
from events.reference import ExperimentRef
from events.trial import TargetKind
from functions.experiment.model import Experiment
from functions.ports import FinishedTrial, PendingTrial
from functions.suggestion.model import Suggestion
from functions.trial.model import ACTIVE, Trial
from infra.store.inserts import POINTS_PER_STATEMENT, insert_new, insert_points
from infra.store.mapping import experiments, hosts, observation_logs, suggestions, tombstones, trials
from infra.store.readable import read_rows
from infra.store.rungs import SQLRungs, delete_rungs
from infra.store.types import load_labels, to_time_text

_EXPERIMENTS, _SUGGESTIONS, _TRIALS = range(3)
_LABELS = type_coerce(trials.c.labels, Text)
"""As text: all Trials of an Experiment have few different labels, each of which is parsed once."""
_STORE_TIME = literal_column("UTC_TIMESTAMP(6)", DateTime)


def _numbered(experiment_uid: str, numbers: Sequence[int]) -> Select[Any]:
    query = select(Trial).where(trials.c.experiment_uid == experiment_uid, trials.c.number.in_(numbers))
    return query.order_by(trials.c.number)


class LockOrderError(AssertionError):
    """A transaction locked rows against the order experiments → suggestions → trials: a bug that would deadlock."""


class SQLStore(SQLRungs):
    """The port `Store`; the identity map of the session makes a batch of events cheap."""

    def __init__(self, session: AsyncSession, now: Callable[[], datetime] | None) -> None:
        super().__init__(session)
        self._clock = now
        self._now: datetime | None = None
        self._rank = _EXPERIMENTS
        self._locked: dict[tuple[object, ...], Experiment | Suggestion | Trial] = {}
        self._new_points: list[tuple[object, ...]] = []

    async def now(self) -> datetime:
        """Return the time of this transaction, one for all of it."""
        if self._now is None:
            self._now = self._clock() if self._clock else await self._read_clock()
        return self._now

    async def _read_clock(self) -> datetime:
        return cast("datetime", await self._session.scalar(select(_STORE_TIME))).replace(tzinfo=UTC)

    async def _read_locked(self, query: Select[Any], rank: int) -> list[Any]:
        """Lock and return rows; behind the Experiment's lock, and its wait, they bring the time with them."""
        if self._clock or self._now or not self._locked:
            return list(await self._session.scalars(self._lock(query, rank)))
        rows = (await self._session.execute(self._lock(query, rank).add_columns(_STORE_TIME))).all()
        self._now = rows[0][1].replace(tzinfo=UTC) if rows else None
        return [row[0] for row in rows]

    def _lock(self, query: Select[Any], rank: int, *, skip_locked: bool = False) -> Select[Any]:
        """Make the query a locking read of the newest rows."""
        if rank < self._rank:
            message = f"a row of rank {rank} was locked after one of rank {self._rank}"
            raise LockOrderError(message)
        self._rank = rank
        return query.with_for_update(skip_locked=skip_locked).execution_options(populate_existing=True)

    async def experiment(self, ref: ExperimentRef, *, lock: bool = False) -> Experiment | None:
        """Return the Experiment; see the port."""
        key = ("experiment", ref.uid or f"{ref.namespace}/{ref.name}")
        if key in self._locked:
            return cast("Experiment", self._locked[key])
        column, value = (experiments.c.uid, ref.uid) if ref.uid else (experiments.c.live_name, key[1])
        query = select(Experiment).where(column == value)
        found: Experiment | None = await self._session.scalar(self._lock(query, _EXPERIMENTS) if lock else query)
        if found is not None and lock:
            self._locked["experiment", found.uid] = self._locked[key] = found
        return found

    async def add_experiment(self, experiment: Experiment, suggestion: Suggestion) -> bool:
        """Insert both, or neither; see the port."""
        try:
            async with self._session.begin_nested():
                self._session.add(experiment)
                self._session.add(suggestion)
                await self._session.flush()
        except IntegrityError:
            return False
        self._locked["experiment", experiment.uid] = experiment
        return True

    async def has_tombstone(self, uid: str) -> bool:
        """Tell whether the uid was deleted."""
        query = select(tombstones.c.uid).where(tombstones.c.uid == uid).with_for_update()
        return await self._session.scalar(query) is not None

    async def add_tombstone(self, uid: str) -> None:
        """Remember the uid."""
        await self._insert_new(tombstones, {"uid": uid, "buried_at": await self.now()})

    async def suggestion(self, experiment_uid: str, *, lock: bool = False) -> Suggestion | None:
        """Return the search of the Experiment."""
        key = ("suggestion", experiment_uid)
        if key in self._locked:
            return cast("Suggestion", self._locked[key])
        query = select(Suggestion).where(suggestions.c.experiment_uid == experiment_uid)
        if not lock:
            return next(iter((await read_rows(self._session, query))[0]), None)
        for found in await self._read_locked(query, _SUGGESTIONS):
            self._locked[key] = found
        return cast("Suggestion | None", self._locked.get(key))

    async def trial(self, experiment_uid: str, number: int, *, lock: bool = False) -> Trial | None:
        """Return the Trial of this number."""
        key = ("trial", experiment_uid, number)
        if key in self._locked:
            return cast("Trial", self._locked[key])
        query = select(Trial).where(trials.c.experiment_uid == experiment_uid, trials.c.number == number)
        if not lock:
            return cast("Trial | None", await self._session.scalar(query))
        return next(iter(await self._lock_all(query)), None)

    async def lock_trials(self, experiment_uid: str, numbers: Sequence[int]) -> None:
        """Lock and load these Trials by number, so that a batch of events reads them once."""
        await self._lock_all(_numbered(experiment_uid, numbers))

    async def _lock_all(self, query: Select[Any]) -> list[Trial]:
        found: list[Trial] = await self._read_locked(query, _TRIALS)
        for trial in found:
            self._locked["trial", trial.experiment_uid, trial.number] = trial
        return found

    async def active_trials(self, experiment_uid: str, *, lock: bool = False) -> Sequence[Trial]:
        """Return the Trials that have not ended, by number."""
        query = select(Trial).where(trials.c.experiment_uid == experiment_uid, trials.c.state.in_(ACTIVE))
        query = query.order_by(trials.c.number)
        return await self._lock_all(query) if lock else list(await self._session.scalars(query))

    async def pending_trials(self, experiment_uid: str) -> Sequence[PendingTrial]:
        """Return what the search learns of the Trials that have not ended."""
        query = select(trials.c.number, trials.c.vector, _LABELS)
        query = query.where(trials.c.experiment_uid == experiment_uid, trials.c.state.in_(ACTIVE))
        rows = await self._session.execute(query.order_by(trials.c.number))
        return [PendingTrial(number, vector, load_labels(labels)) for number, vector, labels in rows]

    async def trials_caused_by(
        self, experiment_uid: str, event_id: str, *, before: int | None = None
    ) -> Sequence[Trial]:
        """Return the Trials that this event's handling created; mostly none, which a query of one column says."""
        caused = (trials.c.experiment_uid == experiment_uid) & (trials.c.caused_by == event_id)
        numbers = await self._session.scalars(select(trials.c.number).where(caused))
        wanted = [number for number in numbers if before is None or number < before]
        return list(await self._session.scalars(_numbered(experiment_uid, wanted))) if wanted else []

    async def add_trials(self, trials: Sequence[Trial]) -> None:
        """Insert new Trials."""
        self._session.add_all(trials)
        await self._session.flush()

    async def finished_since(self, experiment_uid: str, seq: int) -> Sequence[FinishedTrial]:
        """Return what the search has not seen, in finish order."""
        it = trials.c
        query = select(it.seq, it.vector, it.value, it.number, it.state, _LABELS, it.measures)
        rows = await self._session.execute(
            query.where(it.experiment_uid == experiment_uid, it.seq > seq).order_by(it.seq)
        )
        return [
            FinishedTrial(finish, vector, value, number, state, load_labels(labels), measures)
            for finish, vector, value, number, state, labels, measures in rows
        ]

    async def evaluation_seconds(self, experiment_uid: str, count: int) -> Sequence[float]:
        """Return how long the newest of the finished Trials took."""
        of_finished = (trials.c.experiment_uid == experiment_uid) & trials.c.seq.is_not(None)
        query = select(trials.c.started_at, trials.c.completed_at).where(of_finished)
        rows = await self._session.execute(query.order_by(trials.c.seq.desc()).limit(count))
        return [(ended - started).total_seconds() for started, ended in rows if started and ended]

    async def add_points(self, trial: Trial, points: MetricRange) -> None:
        """Insert points; those that are there already stay. A batch of events inserts its points together."""
        self._new_points += [
            (trial.uid, points.source, point.position, point.name, point.value, to_time_text(point.time))
            for point in points.points
        ]

    async def flush_points(self) -> None:
        """Insert the points of this transaction, in key order so that no two transactions wait for each other."""
        rows = sorted(self._new_points, key=itemgetter(0, 1, 2, 3))
        self._new_points = []
        if rows:
            connection = await self._session.connection()
            statement = insert_points(connection.dialect)
            for start in range(0, len(rows), POINTS_PER_STATEMENT):
                await connection.exec_driver_sql(statement, rows[start : start + POINTS_PER_STATEMENT])

    async def _insert_new(self, table: Table, row: Mapping[str, object]) -> None:
        await self._session.execute(insert_new(table, self._session.get_bind().dialect), row)

    async def points(self, trial_uid: str, source: str) -> Sequence[MetricPoint]:
        """Return a source's points by position."""
        await self.flush_points()
        log = observation_logs.c
        query = select(log.position, log.metric, log.value, log.time)
        query = query.where(log.trial_uid == trial_uid, log.source == source).order_by(log.position, log.metric)
        rows = await self._session.execute(query)
        return [MetricPoint(position=row[0], name=row[1], value=row[2], time=row[3]) for row in rows]

    async def unremoved_trials(self, experiment_uid: str, limit: int) -> Sequence[Trial]:
        """Return Trials whose Worker is not confirmed gone, but for process Workers of lost hosts."""
        lost = select(hosts.c.name).where(hosts.c.lost_at.is_not(None))
        query = select(Trial).where(trials.c.experiment_uid == experiment_uid, trials.c.removed_at.is_(None))
        query = query.where((trials.c.target != TargetKind.PROCESS) | trials.c.host.not_in(lost))
        return list(await self._session.scalars(query.order_by(trials.c.number).limit(limit)))

    async def reopen_ended(self, experiment_uid: str, *, with_objects: bool) -> None:
        """Make what was kept of an Experiment's ended Workers somebody's business again; see the port."""
        kept = (trials.c.experiment_uid == experiment_uid) & (trials.c.host != "") & trials.c.state.not_in(ACTIVE)
        of_process = trials.c.target == TargetKind.PROCESS
        await self._session.execute(update(trials).where(kept, of_process).values(removed_at=None, due_at=None))
        if with_objects:
            others = trials.c.target.not_in((TargetKind.PROCESS, TargetKind.EXTERNAL))
            due = {"removed_at": None, "due_at": await self.now()}
            await self._session.execute(update(trials).where(kept, others).values(due))

    async def delete_page(self, experiment_uid: str, limit: int) -> bool:
        """Delete a page of Trials with their points, or at last the Experiment; see the port."""
        query = select(trials.c.number, trials.c.uid).where(trials.c.experiment_uid == experiment_uid)
        page = (await self._session.execute(query.order_by(trials.c.number).limit(limit))).all()
        if page:
            uids = [row.uid for row in page]
            await self._session.execute(delete(observation_logs).where(observation_logs.c.trial_uid.in_(uids)))
            await delete_rungs(self._session, experiment_uid, [row.number for row in page])
            of_page = trials.c.number.in_([row.number for row in page])
            await self._session.execute(delete(trials).where(trials.c.experiment_uid == experiment_uid, of_page))
            return True
        await self._session.execute(delete(suggestions).where(suggestions.c.experiment_uid == experiment_uid))
        await self._session.execute(delete(experiments).where(experiments.c.uid == experiment_uid))
        return False
