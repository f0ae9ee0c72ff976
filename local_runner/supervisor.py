"""The supervisor of one host: heartbeat, and a look at each Worker that only this host can see."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from events.envelope import Event
from events.reference import ExperimentRef, TrialRef
from events.trial import TargetKind, TrialCreated, WorkerChanged
from functions.catalog import BY_QUEUE
from functions.errors import TransientError
from functions.experiment.announcements import announcements, schedule
from functions.experiment.ending import kill_in_place
from functions.experiment.model import Experiment
from functions.ports import Host, Ledger
from functions.trial.model import Trial, TrialState
from functions.trial.removal import note_removed
from functions.trial.render import render_worker
from functions.worker import LocalTarget, Worker
from infra.broker.port import Broker
from infra.wiring import Wiring

log = logging.getLogger("kuttab.supervisor")

SWEEP_COUNT = 100
"""Experiments of one question to the store."""
ENDED_COUNT = 50
"""Ended Trials of one look: thousands of a deleted Experiment must not delay the next heartbeat."""

Key = tuple[str, int]
"""(trial uid, attempt)"""


@dataclass(frozen=True, slots=True)
class _Held:
    """A Trial of this host, as one look at the store saw it."""

    experiment: ExperimentRef
    trial: Trial
    worker: Worker
    is_deleted: bool


@dataclass(slots=True)
class Supervisor:
    """Calls the same handlers as any queue would, for Workers that no other host can look at."""

    wiring: Wiring
    broker: Broker
    target: LocalTarget
    host: Host
    kind: TargetKind = TargetKind.PROCESS
    launching: set[Key] = field(default_factory=set)
    """Attempts whose launch is under way in this process; everything else that is Launching was left by a crash."""
    busy: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def free_slots(self) -> int:
        """How many Workers may be started now."""
        return max(0, self.host.slots - self.busy - len(self.launching))

    async def wait_for_slot(self) -> None:
        """Return when a Worker may be started."""
        while not self.free_slots:
            self._changed.clear()
            await self._changed.wait()

    def note_launched(self, keys: set[Key]) -> None:
        """Note launches that are over; the next heartbeat counts what runs."""
        self.launching -= keys
        self.busy += len(keys)
        self._changed.set()

    async def look(self) -> None:
        """Beat, then bring every Worker and its row one step closer to each other."""
        alive = await self.target.list_workers()
        held, wanted = await self._beat()
        for uid, attempt in alive:
            if (uid, attempt) not in wanted and (uid, attempt) not in self.launching:
                await self.target.remove(_unwanted(uid, attempt))
        ended = [it for it in held if not it.trial.is_active]
        for it in [*(it for it in held if it.trial.is_active), *ended[:ENDED_COUNT]]:
            if (it.trial.uid, it.trial.attempt) not in self.launching:
                await self._tend_safely(it)

    async def sweep(self) -> None:
        """Purge what is kept here of deleted Experiments: an attempt that another host has followed is nobody's else.

        Only what has a tombstone goes: a directory may hold what another database knows of.
        """
        kept = await self.target.list_kept()
        uids = list(kept)
        for start in range(0, len(uids), SWEEP_COUNT):
            for uid in await self._buried(uids[start : start + SWEEP_COUNT]):
                for trial_uid in kept[uid]:
                    await self.target.purge(trial_uid)

    async def _buried(self, uids: Sequence[str]) -> Sequence[str]:
        """Return those of deleted Experiments whose rows are gone."""
        async with self.wiring.stores.begin() as store:
            known = await store.experiments_of(uids)
            return [uid for uid in uids if uid not in known and await store.has_tombstone(uid)]

    async def _beat(self) -> tuple[list[_Held], set[Key]]:
        """Write the heartbeat and read what this host holds, in one transaction; with it the Workers that must live.

        Those of an Experiment that cannot be read live on, and wait for somebody to mend its row.
        """
        async with self.wiring.stores.begin() as store:
            # A host also claims Trials that run elsewhere, as jobs of AWS Batch: those are not here to be looked at.
            trials = [it for it in await store.trials_of_host(self.host.name) if it.target == self.kind]
            keys = {(trial.uid, trial.attempt) for trial in trials if trial.is_active}
            self.busy = sum(key not in self.launching for key in keys)
            busy = self.busy + len(self.launching)
            await store.beat(Host(self.host.name, self.host.slots, busy, self.host.labels))
            experiments = await store.experiments_of(list({trial.experiment_uid for trial in trials}))
        self._changed.set()
        pairs = ((experiments.get(trial.experiment_uid), trial) for trial in trials)
        return [_hold(experiment, trial) for experiment, trial in pairs if experiment is not None], keys

    async def _tend_safely(self, held: _Held) -> None:
        """Tend one Trial; what goes wrong with it is logged and disturbs no other."""
        try:
            follow = await self._tend(held)
            if follow:
                await self.broker.publish(follow)
        except TransientError as error:
            log.info("the store was busy", extra={"trial": held.trial.name, "reason": str(error)})
        except Exception:
            log.exception("failed to tend a Worker", extra={"trial": held.trial.name})

    async def _tend(self, held: _Held) -> Sequence[Event]:
        trial = held.trial
        if not trial.is_active:
            await (self.target.purge(trial.uid) if held.is_deleted else self.target.remove(held.worker))
            return await note_removed(_changed(held, self.kind), self.wiring.stores, was_kept=False)
        if trial.state == TrialState.LAUNCHING:
            return await self._end_launching(held) if trial.is_stopping else await self._relaunch(held)
        if trial.is_stopping and trial.state == TrialState.RUNNING and trial.stop_sent_at is None:
            await self._stop(held)
        return await self.wiring.run(BY_QUEUE["trial-watch"], _changed(held, self.kind))

    async def _relaunch(self, held: _Held) -> Sequence[Event]:
        """Finish a launch that a crash cut off: the target knows whether the Worker was started."""
        event = TrialCreated(**dict(_changed(held, self.kind)))
        return await self.wiring.run(BY_QUEUE["trial-launch"], event)

    async def _end_launching(self, held: _Held) -> Sequence[Event]:
        """End a Trial whose launch a crash cut off and that is no longer wanted."""
        event = _changed(held, self.kind)
        async with self.wiring.stores.begin() as store:
            experiment, trial = await _lock(held, store)
            if experiment is None or trial is None or trial.state != TrialState.LAUNCHING:
                return ()
            at = await store.now()
            kill_in_place(experiment, trial, at=at)
            schedule(experiment, self.wiring.limits, at=at)
            return announcements(experiment, cause=event, at=at)

    async def _stop(self, held: _Held) -> None:
        """Tell the Worker, then note when it was told."""
        await self.target.stop(held.worker)
        async with self.wiring.stores.begin() as store:
            _, trial = await _lock(held, store)
            if trial is not None and trial.is_stopping and trial.stop_sent_at is None:
                trial.stop_sent_at = await store.now()
                trial.look_again(trial.stop_sent_at, self.wiring.limits.nudge_base_seconds)


async def _lock(held: _Held, store: Ledger) -> tuple[Experiment | None, Trial | None]:
    """Lock the Trial as this host holds it; None where it has moved on."""
    experiment = await store.experiment(held.experiment, lock=True)
    trial = await store.trial(held.experiment.uid, held.trial.number, lock=True) if experiment else None
    is_same = trial is not None and trial.attempt == held.trial.attempt
    return experiment, trial if is_same else None


def _hold(experiment: Experiment, trial: Trial) -> _Held:
    return _Held(
        experiment.ref, trial, render_worker(experiment, trial), experiment.deleted_at is not None or trial.is_hidden
    )


def _changed(held: _Held, kind: TargetKind) -> WorkerChanged:
    return WorkerChanged(experiment=held.experiment, trial=held.trial.ref, attempt=held.trial.attempt, target=kind)


def _unwanted(uid: str, attempt: int) -> Worker:
    """Name a Worker that no row wants: its identity is all that a removal needs."""
    nobody = ExperimentRef(name="unknown")
    return Worker(experiment=nobody, trial=TrialRef(name="unknown", uid=uid, number=1), attempt=attempt, manifest={})
