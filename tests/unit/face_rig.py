"""The face on a store in memory: what it announces is kept, and time passes when a watch waits."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from events.envelope import Event
from events.resource import Manifest
from functions.api.face import Access, Face
from functions.api.http import Answer, Request
from functions.experiment.model import Experiment
from functions.observation.tokens import Tokens
from functions.trial.model import Trial
from functions.trial.placement import Placement
from infra.broker.port import BrokerError
from infra.face.commands import SQLCommands
from tests.builders import an_experiment_manifest
from tests.fakes import House

BASE = "/apis/kubeflow.org/v1beta1"
EXPERIMENTS = f"{BASE}/namespaces/default/experiments"
TRIALS = f"{BASE}/namespaces/default/trials"
TABLE = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
PATCH = {"content-type": "application/merge-patch+json"}
SECRET = "secret"


def a_manifest(**manifest: Any) -> Manifest:
    """Return an Experiment whose Workers a runner can run."""
    return an_experiment_manifest(**{"kind": "Process", **manifest})


@dataclass
class FakePace:
    """Time that passes while somebody waits; what a test has planned happens meanwhile."""

    house: House
    plans: list[Any] = field(default_factory=list)
    is_stopping: bool = False

    def now(self) -> datetime:
        return self.house.clock()

    async def pause(self, seconds: float) -> None:
        if self.plans:
            await self.plans.pop(0)()
        self.house.clock.advance(seconds)


@dataclass
class FakeLogs:
    """One log for all, or none."""

    text: bytes | None = b"first\nsecond\nthird\n"
    attempts: list[int] = field(default_factory=list)

    async def read(self, experiment: Experiment, trial: Trial, *, attempt: int) -> tuple[bytes | None, str]:
        self.attempts.append(attempt)
        return self.text, "it is elsewhere"


class Desk:
    """Asks the face as a client would."""

    def __init__(self, house: House, *, token: str = "", has_cluster: bool = True) -> None:
        self.house = house
        self.published: list[Event] = []
        self.is_broken = False
        self.pace = FakePace(house)
        self.logs = FakeLogs()
        house.wiring.tokens = Tokens(SECRET)
        self.face = Face(
            house.reader,
            SQLCommands(house.wiring, self._publish),
            self.logs,
            self.pace,
            access=Access(token, Tokens(SECRET), is_open=True),
            placement=Placement(has_cluster=has_cluster),
            limits=house.limits,
            can_stream=True,
        )

    async def _publish(self, events: Sequence[Event]) -> None:
        if self.is_broken:
            raise BrokerError("no confirm")
        self.published += events

    async def answer(self, method: str, target: str, body: object = None, **headers: str) -> Answer:
        path, _, query = target.partition("?")
        fields = dict(pair.split("=", 1) for pair in query.split("&") if pair)
        found = {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return await self.face.answer(Request(method, path, fields, found, raw))

    async def ask(self, method: str, target: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Return status and content."""
        answer = await self.answer(method, target, body, **headers)
        assert answer.stream is None
        return answer.status, json.loads(answer.body)

    async def get(self, target: str, **headers: str) -> Any:
        status, found = await self.ask("GET", target, **headers)
        assert status == 200, found
        return found

    async def create(self, **manifest: Any) -> Any:
        """Create an Experiment and let everything happen that follows."""
        status, found = await self.ask("POST", EXPERIMENTS, a_manifest(**manifest))
        assert status == 201, found
        await self.play()
        return found

    async def play(self) -> None:
        events, self.published = self.published, []
        await self.house.play(*events)

    async def watch(self, target: str, **headers: str) -> list[tuple[str, Any]]:
        """Return the events of a watch that comes to its end."""
        answer = await self.answer("GET", target, **headers)
        assert answer.stream is not None, answer.body
        lines = [json.loads(line) async for line in answer.stream]
        return [(line["type"], line["object"]) for line in lines]
