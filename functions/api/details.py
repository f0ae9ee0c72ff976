"""What Kubernetes has no place for, as parts of a resource: a Trial's metric series and log, an Experiment's story."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from http import HTTPStatus

from pydantic import JsonValue

from events.observation import MetricPoint
from events.resource import Manifest, to_wire_time
from functions.api.http import Answer, Request
from functions.api.kinds import Kind
from functions.api.ports import Logs, Pace, Reader
from functions.api.problems import ApiError, bad_request, not_found
from functions.experiment.model import Experiment
from functions.explanation.experiments import explain_experiment
from functions.explanation.gathering import gather_facts
from functions.limits import Limits
from functions.trial.model import Trial


class Details:
    """Answers `trials/NAME/metrics`, `trials/NAME/log` and `experiments/NAME/explanation`."""

    def __init__(self, reader: Reader, logs: Logs, pace: Pace, limits: Limits) -> None:
        self._reader = reader
        self._logs = logs
        self._pace = pace
        self._limits = limits

    async def metrics(self, request: Request, namespace: str, name: str) -> Answer:
        """Answer with every point, or those of the metric that is asked for, by source and position."""
        trial, _ = await self._find_trial(namespace, name)
        wanted = request.query.get("metric")
        points: list[JsonValue] = [
            _show(source, point)
            async for source, found in self._sources(trial)
            for point in found
            if wanted in {None, point.name}
        ]
        about: Manifest = {"trial": trial.name, "attempt": trial.attempt}
        return Answer.of({**about, "points": points})

    async def _sources(self, trial: Trial) -> AsyncIterator[tuple[str, Sequence[MetricPoint]]]:
        for source in sorted(trial.pushers) or [trial.log_source]:
            yield source, await self._reader.points(trial.uid, source)

    async def log(self, request: Request, namespace: str, name: str) -> Answer:
        """Answer with the Worker's standard output and error, or its last lines (`tailLines`)."""
        trial, experiment = await self._find_trial(namespace, name)
        lines = _read_count(request, "tailLines")
        attempt = _read_count(request, "attempt") or trial.attempt
        found, problem = await self._logs.read(experiment, trial, attempt=attempt)
        if found is None:
            message = f"{trial.name} has no log here: {problem}"
            raise ApiError(HTTPStatus.NOT_FOUND, "NotFound", message)
        kept = found.splitlines(keepends=True)
        return Answer(
            body=b"".join(kept if lines is None else kept[len(kept) - min(lines, len(kept)) :]), media_type="text/plain"
        )

    async def explanation(self, namespace: str, name: str) -> Answer:
        """Answer with why the Experiment is where it is, what would move it, and what happened last."""
        experiment = await self._reader.experiment(namespace, name)
        if experiment is None:
            raise not_found(Kind.EXPERIMENTS, name)
        facts = await gather_facts(experiment, self._reader, now=self._pace.now(), limits=self._limits)
        found = explain_experiment(facts)
        waiting: list[JsonValue] = [
            {"name": trial.name, "state": trial.state.value, "waitsFor": it.what, "movedBy": it.moved_by}
            for trial, it in found.trials
        ]
        story: Manifest = {"events": _tell(found.events), "errors": _tell(found.errors)}
        return Answer.of({"experiment": name, "paragraph": found.paragraph, "trials": waiting, **story})

    async def _find_trial(self, namespace: str, name: str) -> tuple[Trial, Experiment]:
        trial = await self._reader.trial(namespace, name)
        experiment = await self._reader.experiment_of_uid(trial.experiment_uid) if trial else None
        if trial is None or experiment is None or experiment.deleted_at:
            raise not_found(Kind.TRIALS, name)
        return trial, experiment


def _show(source: str, point: MetricPoint) -> Manifest:
    time = to_wire_time(point.time) if point.time else None
    return {"name": point.name, "value": point.value, "time": time, "position": point.position, "source": source}


def _tell(moments: Sequence[tuple[datetime, str]]) -> list[JsonValue]:
    return [{"time": to_wire_time(at), "message": text} for at, text in moments]


def _read_count(request: Request, name: str) -> int | None:
    """Return a number of the query. Raises ApiError."""
    text = request.query.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise bad_request(f"{name}: {text!r} is not a number")
    return int(text)
