"""Workers that push their points themselves: in ranges of any order, twice now and then, and late."""

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from events.objective import CollectorKind
from events.observation import MetricPoint, MetricRange, MetricReported
from functions.worker import Worker
from infra.target.simulated import SimulatedTarget

if TYPE_CHECKING:
    from tests.simulation.world import World

_CHUNK = 3
_LATE_SHARE = 0.1
_LATE_SECONDS = 90
"""Beyond the grace in which a Trial's last points are waited for."""


@dataclass(slots=True)
class _Pusher:
    worker: Worker
    target: SimulatedTarget
    values: list[tuple[float, str]]
    said: int = 0


class Pushers:
    """The pushing Workers of a world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._alive: list[_Pusher] = []

    def note_launched(self, worker: Worker, target: SimulatedTarget) -> None:
        """Begin to push for a Worker whose Experiment says that it does so."""
        if worker.collector.kind == CollectorKind.PUSH:
            lines = [(at, text) for at, text in target.script_of(worker).lines if "loss=" in text]
            values = [(at, text.split("loss=")[1].split()[0]) for at, text in lines]
            self._alive.append(_Pusher(worker, target, values))

    def serve(self) -> None:
        """Publish what the Workers have reported by now; a Worker that was stopped says nothing more."""
        for pusher in list(self._alive):
            written = pusher.target.written_count(pusher.worker)
            if written is None or pusher.said >= len(pusher.values):
                self._alive.remove(pusher)
            elif written > pusher.said:
                self._push(pusher, min(written, pusher.said + _CHUNK, len(pusher.values)))

    def _push(self, pusher: _Pusher, end: int) -> None:
        worker, start = pusher.worker, pusher.said
        points = tuple(MetricPoint(position=at, name="loss", value=pusher.values[at][1]) for at in range(start, end))
        source = f"{worker.trial.uid}/{worker.attempt}"
        is_last = end == len(pusher.values)
        part = MetricRange(source=source, start=start, end=end, points=points, pushed=True, is_last=is_last)
        about = {"experiment": worker.experiment, "trial": worker.trial, "attempt": worker.attempt}
        identity = {"id": f"push-{source}-{start}", "time": self._world.clockwork.now}
        is_late = Random(f"{self._world.seed}/{source}/{start}").random() < _LATE_SHARE
        self._world.broker.put(MetricReported(range=part, **about, **identity), delay_seconds=_LATE_SECONDS * is_late)
        pusher.said = end
