"""SQLReader: what people and the API look at; nothing here locks or changes a row."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from events.observation import MetricPoint
from functions.experiment.model import Experiment
from functions.explanation.facts import SeenHost
from functions.suggestion.model import Suggestion
from functions.trial.model import Trial, TrialState
from infra.store import mysql
from infra.store.mapping import experiments, hosts, map_domain, observation_logs, suggestions, trials
from infra.store.readable import UNREADABLE, UnreadableRowError, read_rows, say_why

PAGE_COUNT = 500
"""Rows of one page; callers ask for the next by the last one that they have seen."""
_Asked = ParamSpec("_Asked")
_Answer = TypeVar("_Answer")


def _twice(read: Callable[_Asked, Coroutine[Any, Any, _Answer]]) -> Callable[_Asked, Coroutine[Any, Any, _Answer]]:
    """Read once more on another connection where the server has closed the first, as it does with idle ones.

    Raises UnreadableRowError where the row that is asked for cannot be read.
    """

    @wraps(read)
    async def ask(*args: _Asked.args, **named: _Asked.kwargs) -> _Answer:
        try:
            return await read(*args, **named)
        except UNREADABLE as error:
            what = "/".join(map(str, args[1:]))
            raise UnreadableRowError(f"{what}: a row of the database cannot be read: {say_why(error)}") from error
        except DBAPIError as error:
            if not (error.connection_invalidated or mysql.is_transient(error)):
                raise
        return await read(*args, **named)

    return ask


class SQLReader:
    """Reads a database, an empty or a busy one alike; of many rows those that cannot be read are passed over."""

    def __init__(self, engine: AsyncEngine) -> None:
        map_domain()
        self._engine = engine

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(self._engine, expire_on_commit=False) as session:
            yield session

    @_twice
    async def experiments(self, namespace: str | None = None) -> Sequence[Experiment]:
        """Return the live Experiments, oldest first; of all namespaces where none is named."""
        query = select(Experiment).where(experiments.c.deleted_at.is_(None))
        if namespace is not None:
            query = query.where(experiments.c.namespace == namespace)
        async with self._session() as session:
            found, _ = await read_rows(session, query.order_by(experiments.c.created_at, experiments.c.name))
            return found

    @_twice
    async def experiment(self, namespace: str, name: str) -> Experiment | None:
        """Return the live Experiment of this name."""
        query = select(Experiment).where(experiments.c.live_name == f"{namespace}/{name}")
        async with self._session() as session:
            found: Experiment | None = await session.scalar(query)
            return found

    @_twice
    async def deleted_experiment(self, namespace: str, name: str) -> Experiment | None:
        """Return the Experiment of this name that was deleted last and has not been purged yet."""
        query = select(Experiment).where(experiments.c.namespace == namespace, experiments.c.name == name)
        query = query.where(experiments.c.deleted_at.is_not(None)).order_by(experiments.c.deleted_at.desc()).limit(1)
        async with self._session() as session:
            found: Experiment | None = await session.scalar(query)
            return found

    @_twice
    async def hosts(self) -> Sequence[SeenHost]:
        """Return every host with its last heartbeat, by name."""
        it = hosts.c
        query = select(it.name, it.slots, it.busy, it.labels, it.beat_at, it.lost_at).order_by(it.name)
        async with self._session() as session:
            rows = await session.execute(query.limit(PAGE_COUNT))
            return [SeenHost(*row[:5], is_lost=row[5] is not None) for row in rows]

    @_twice
    async def experiment_of_uid(self, uid: str) -> Experiment | None:
        """Return the Experiment of this uid, a deleted one too."""
        async with self._session() as session:
            found: Experiment | None = await session.get(Experiment, uid)
            return found

    @_twice
    async def suggestion(self, experiment_uid: str) -> Suggestion | None:
        """Return the Experiment's search."""
        query = select(Suggestion).where(suggestions.c.experiment_uid == experiment_uid)
        async with self._session() as session:
            found: Suggestion | None = await session.scalar(query)
            return found

    @_twice
    async def trials(
        self,
        experiment_uid: str,
        *,
        states: Sequence[TrialState] = (),
        after: int = 0,
        limit: int = PAGE_COUNT,
        with_hidden: bool = False,
    ) -> Sequence[Trial]:
        """Return a page of an Experiment's Trials by number, those deleted by hand left out unless `with_hidden`."""
        query = select(Trial).where(trials.c.experiment_uid == experiment_uid, trials.c.number > after)
        query = query if with_hidden else query.where(trials.c.is_hidden.is_(False))
        if states:
            query = query.where(trials.c.state.in_(states))
        async with self._session() as session:
            found, _ = await read_rows(session, query.order_by(trials.c.number).limit(limit))
            return found

    @_twice
    async def trials_again(self, experiment_uid: str, numbers: Sequence[int], *, after: int) -> Sequence[Trial]:
        """Return the Trials of these numbers and those after them, by number; those deleted by hand left out."""
        query = select(Trial).where(trials.c.experiment_uid == experiment_uid, trials.c.is_hidden.is_(False))
        query = query.where(trials.c.number.in_(numbers) | (trials.c.number > after))
        async with self._session() as session:
            return list(await session.scalars(query.order_by(trials.c.number)))

    @_twice
    async def last_ended(self, experiment_uid: str, limit: int) -> Sequence[Trial]:
        """Return the Trials that ended last, newest first."""
        query = select(Trial).where(trials.c.experiment_uid == experiment_uid, trials.c.seq.is_not(None))
        async with self._session() as session:
            found, _ = await read_rows(session, query.order_by(trials.c.seq.desc()).limit(limit))
            return found

    @_twice
    async def trial_of_number(self, experiment_uid: str, number: int) -> Trial | None:
        """Return the Trial of this number, a deleted one too."""
        async with self._session() as session:
            found: Trial | None = await session.get(Trial, (experiment_uid, number))
            return found

    async def all_trials(self, experiment_uid: str) -> Sequence[Trial]:
        """Return all of an Experiment's Trials by number, read in pages."""
        found: list[Trial] = []
        while page := await self.trials(experiment_uid, after=found[-1].number if found else 0):
            found += page
        return found

    @_twice
    async def trial(self, namespace: str, name: str) -> Trial | None:
        """Return the newest Trial of this name."""
        query = select(Trial).where(trials.c.namespace == namespace, trials.c.name == name)
        query = query.where(trials.c.is_hidden.is_(False)).order_by(trials.c.created_at.desc()).limit(1)
        async with self._session() as session:
            found: Trial | None = await session.scalar(query)
            return found

    @_twice
    async def trial_names(self, experiment_uid: str) -> Mapping[TrialState, Sequence[str]]:
        """Return the names of the Trials in each state, by number, those deleted by hand left out."""
        query = select(trials.c.state, trials.c.name).where(trials.c.experiment_uid == experiment_uid)
        query = query.where(trials.c.is_hidden.is_(False))
        names: dict[TrialState, list[str]] = {}
        async with self._session() as session:
            for state, name in await session.execute(query.order_by(trials.c.number)):
                names.setdefault(state, []).append(name)
        return names

    @_twice
    async def points(self, trial_uid: str, source: str) -> Sequence[MetricPoint]:
        """Return the metric points of a Trial's source, by position."""
        log = observation_logs.c
        query = select(log.position, log.metric, log.value, log.time)
        query = query.where(log.trial_uid == trial_uid, log.source == source).order_by(log.position, log.metric)
        async with self._session() as session:
            rows = await session.execute(query)
            return [MetricPoint(position=row[0], name=row[1], value=row[2], time=row[3]) for row in rows]
