"""SQLRungs: what Trials leave for each other where early stopping compares them."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Insert, delete, select
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from functions.observation.early_stopping.interface import RUNG_TRIALS
from functions.trial.model import Trial
from infra.store.mapping import rungs


class SQLRungs:
    """The port `Rungs` on a session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def rung(self, experiment_uid: str, name: str) -> Mapping[int, float]:
        """Return the values at a rung by Trial number: of the highest numbers, which is one range of an index."""
        query = select(rungs.c.number, rungs.c.value)
        query = query.where(rungs.c.experiment_uid == experiment_uid, rungs.c.rung == name)
        rows = await self._session.execute(query.order_by(rungs.c.number.desc()).limit(RUNG_TRIALS))
        return {row.number: row.value for row in rows}

    async def rungs_of(self, experiment_uid: str, number: int) -> Mapping[str, float]:
        """Return the values of one Trial by rung, which is one range of the primary key."""
        query = select(rungs.c.rung, rungs.c.value)
        query = query.where(rungs.c.experiment_uid == experiment_uid, rungs.c.number == number)
        return {row.rung: row.value for row in await self._session.execute(query)}

    async def reach_rungs(self, trial: Trial, values: Mapping[str, float]) -> None:
        """Leave the Trial's values, over those that an earlier attempt left at the same rungs."""
        about = {"experiment_uid": trial.experiment_uid, "number": trial.number}
        rows = [{**about, "rung": rung, "value": value} for rung, value in sorted(values.items())]
        if rows:
            await self._session.execute(_upsert(self._session.get_bind().dialect.name), rows)


def _upsert(dialect_name: str) -> Insert:
    if dialect_name == "sqlite":
        to_sqlite = sqlite.insert(rungs)
        return to_sqlite.on_conflict_do_update(
            index_elements=list(rungs.primary_key), set_={"value": to_sqlite.excluded.value}
        )
    to_mysql = mysql.insert(rungs)
    return to_mysql.on_duplicate_key_update(value=to_mysql.inserted.value)


async def delete_rungs(session: AsyncSession, experiment_uid: str, numbers: Sequence[int]) -> None:
    """Delete what these Trials left."""
    await session.execute(delete(rungs).where(rungs.c.experiment_uid == experiment_uid, rungs.c.number.in_(numbers)))
