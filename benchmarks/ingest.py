"""Metric points per second: `observation/record` on MariaDB beside a raw executemany into the same table.

`python -m benchmarks.ingest` starts a private MariaDB, encodes events of 1,000 points of running Trials, and lets the
real runtime handle them in the runner's batches: decode, lock, fold, insert, commit, ack. Beside it aiomysql inserts
the same rows, ready made, in transactions of the same size. Both take turns; the last line is one JSON object of
medians, the ratio that of each turn.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import aiomysql
from sqlalchemy import make_url

from benchmarks.throughput import experiment as manifest
from events.envelope import encode
from events.observation import MAX_POINTS, MetricPoint, MetricRange, MetricReported
from events.reference import ExperimentRef
from events.trial import TargetKind
from functions.catalog import queue_of
from functions.experiment.admission import read_experiment
from functions.experiment.model import Experiment
from functions.suggestion.model import Suggestion
from functions.trial.model import Trial, TrialState
from infra.broker.memory import MemoryBroker
from infra.broker.port import Delivery
from infra.runtime import Runtime
from infra.settings import Settings
from infra.store.engine import SQLStores, make_engine
from infra.store.schema import upgrade
from infra.wiring import Wiring
from tests.services.mariadb import MariaDB

TRIALS = 16
EVENTS_PER_TRIAL = 8
REPEATS = 5
BATCH = Settings().batch_count
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = ("trial_uid", "source", "position", "metric", "value", "time")

Row = tuple[str, str, int, str, str, datetime]


def running_trials() -> tuple[Experiment, list[Trial]]:
    """Return an Experiment and Trials whose Workers report."""
    admission = read_experiment(manifest(TRIALS, TRIALS))
    assert admission.resource is not None, admission.errors
    reference = ExperimentRef(name="ingest", uid="uid-ingest")
    experiment = Experiment.new(reference, admission.resource.spec, created_at=BEGAN)
    trials = [
        Trial.new(reference, number, target=TargetKind.EXTERNAL, created_at=BEGAN) for number in range(1, TRIALS + 1)
    ]
    for trial in trials:
        trial.state = TrialState.RUNNING
    return experiment, trials


def reports(experiment: Experiment, trials: Sequence[Trial]) -> list[MetricReported]:
    """Return what the Workers' logs hold, a range an event, as watchers publish them."""
    return [
        MetricReported(
            experiment=experiment.ref,
            trial=trial.ref,
            attempt=trial.attempt,
            range=MetricRange(source="log", start=start, end=start + MAX_POINTS, points=points_from(start)),
        )
        for start in range(0, EVENTS_PER_TRIAL * MAX_POINTS, MAX_POINTS)
        for trial in trials
    ]


def points_from(start: int) -> tuple[MetricPoint, ...]:
    """Return one event's points: a falling loss, a point a second."""
    return tuple(
        MetricPoint(position=at, name="loss", value=repr(1 / (1 + at)), time=BEGAN + timedelta(seconds=at))
        for at in range(start, start + MAX_POINTS)
    )


async def ingest(url: str) -> float:
    """Return the points per second through the runtime."""
    stores = SQLStores(make_engine(url))
    await upgrade(stores.engine)
    experiment, trials = running_trials()
    async with stores.begin() as store:
        await store.add_experiment(experiment, Suggestion(experiment.uid, algorithm="random", created_at=BEGAN))
        await store.add_trials(trials)
    events = reports(experiment, trials)
    deliveries = [Delivery(queue_of(event), encode(event)) for event in events]
    broker = MemoryBroker()
    runtime = Runtime(Wiring(stores), broker)
    began = time.perf_counter()
    for start in range(0, len(deliveries), BATCH):
        await runtime.process(deliveries[start : start + BATCH])
    seconds = time.perf_counter() - began
    await check(stores, trials)
    assert not broker.dead_letters
    await stores.close()
    return len(events) * MAX_POINTS / seconds


async def check(stores: SQLStores, trials: Sequence[Trial]) -> None:
    """Hold the runtime to having stored and folded everything."""
    async with stores.begin() as store:
        for trial in trials:
            found = await store.trial(trial.experiment_uid, trial.number)
            assert found is not None
            assert found.fold.metrics["loss"].count == EVENTS_PER_TRIAL * MAX_POINTS
        assert len(await store.points(trials[0].uid, "log")) == EVENTS_PER_TRIAL * MAX_POINTS


async def insert_raw(url: str) -> float:
    """Return the rows per second of aiomysql alone."""
    stores = SQLStores(make_engine(url))
    await upgrade(stores.engine)
    await stores.close()
    batches = raw_batches()
    place = make_url(url)
    connection = await aiomysql.connect(
        host=place.host, port=place.port, user=place.username, password=place.password, db=place.database
    )
    names = ", ".join(f"`{name}`" for name in COLUMNS)
    statement = f"INSERT INTO observation_logs ({names}) VALUES (%s, %s, %s, %s, %s, %s)"
    began = time.perf_counter()
    async with connection.cursor() as cursor:
        for batch in batches:
            await cursor.executemany(statement, batch)
            await connection.commit()
    seconds = time.perf_counter() - began
    await connection.ensure_closed()
    return sum(map(len, batches)) / seconds


def raw_batches() -> list[list[Row]]:
    """Return the rows of the same points, in key order within transactions of the same size."""
    events = reports(*running_trials())
    batches = [events[start : start + BATCH] for start in range(0, len(events), BATCH)]
    return [
        sorted(
            (event.trial.uid, "log", point.position, point.name, point.value, point.time.replace(tzinfo=None))
            for event in batch
            for point in event.range.points
            if point.time
        )
        for batch in batches
    ]


def measure(server: MariaDB, repeats: int) -> dict[str, float]:
    """Let both take turns on fresh databases and return the medians."""
    ours: list[float] = []
    raw: list[float] = []
    for _ in range(repeats):
        for work, rates in ((ingest, ours), (insert_raw, raw)):
            with server.database() as url:
                rates.append(asyncio.run(work(url)))
    ratios = [our_rate / raw_rate for our_rate, raw_rate in zip(ours, raw, strict=True)]
    return {
        "points_per_s": round(statistics.median(ours), 1),
        "raw_rows_per_s": round(statistics.median(raw), 1),
        "ratio": round(statistics.median(ratios), 3),
    }


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args()
    server = MariaDB()
    try:
        server.start()
        found = measure(server, options.repeats)
    finally:
        server.remove()
    print(f"{TRIALS * EVENTS_PER_TRIAL * MAX_POINTS:,} points, {MAX_POINTS:,} an event, {BATCH} events a batch")
    print(f"medians of {options.repeats} runs")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
