"""Trials per second of a deployment on RabbitMQ and MariaDB, and of Optuna's RDBStorage on the same MariaDB."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from benchmarks.throughput import IN_FLIGHT, answer_all, experiment
from events.envelope import new_id
from events.experiment import ExperimentCreated
from events.reference import ExperimentRef
from functions.catalog import EXTERNAL_QUEUE
from infra.broker.rabbitmq import RabbitMQBroker
from infra.store.engine import make_engine
from infra.store.reader import SQLReader
from infra.store.schema import upgrade
from tests.services.mariadb import MariaDB
from tests.services.rabbitmq import RabbitMQServer

ROOT = Path(__file__).resolve().parents[1]
_POLL_SECONDS = 0.05
_START_SECONDS = 120.0
_SUBSCRIBE_SECONDS = 3.0
"""From a runner's first heartbeat to its last subscription."""
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process and its ended children have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS_PER_SECOND


class Servers:
    """A private RabbitMQ and a private MariaDB."""

    def __init__(self, directory: Path) -> None:
        (directory / "rabbitmq").mkdir()
        self.directory = directory
        self.rabbitmq = RabbitMQServer.install(directory / "rabbitmq")
        self.mariadb = MariaDB()

    def __enter__(self) -> Self:
        """Start both."""
        self.rabbitmq.start()
        self.mariadb.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop both."""
        self.rabbitmq.close()
        self.mariadb.remove()

    @property
    def pids(self) -> dict[str, int]:
        """The servers' processes."""
        broker = int((self.directory / "rabbitmq" / "pid").read_text())
        return {"broker": broker, "database": self.mariadb.pid}


Run = Callable[[Servers, int, int], dict[str, Any]]
"""Takes the servers, how many Trials and how many processes."""


def run_kuttab(servers: Servers, trials: int, runners: int) -> dict[str, Any]:
    """Run one Experiment of External Trials through so many runners and a clock."""
    with servers.mariadb.database() as url:
        asyncio.run(_upgrade(url))
        environment = {**os.environ, "KUTTAB_BROKER_URL": servers.rabbitmq.url, "KUTTAB_DATABASE_URL": url}
        folder = tempfile.mkdtemp(dir=servers.directory)
        names = ["runner", *(f"runner {number}" for number in range(2, runners + 1))]
        commands = {name: ["runner", "--dir", f"{folder}/{name}"] for name in names}
        commands["clock"] = ["clock", "--dir", f"{folder}/clock"]
        command = [sys.executable, "-m", "local_runner"]
        processes = {
            name: subprocess.Popen([*command, *words, "--log-level", "warning"], env=environment, cwd=ROOT)
            for name, words in commands.items()
        }
        try:
            pids = {**servers.pids, **{name: process.pid for name, process in processes.items()}}
            return asyncio.run(_drive(servers.rabbitmq.url, url, trials, pids))
        finally:
            for process in processes.values():
                process.terminate()
                process.wait()


async def _upgrade(url: str) -> None:
    engine = make_engine(url)
    await upgrade(engine)
    await engine.dispose()


async def _drive(broker_url: str, database_url: str, trials: int, pids: dict[str, int]) -> dict[str, Any]:
    """Be client and External Worker; return seconds and CPU seconds by process."""
    broker = await RabbitMQBroker.connect(broker_url)
    await broker.declare([EXTERNAL_QUEUE, "experiment-admit"])
    worker = asyncio.create_task(answer_all(broker))
    engine = make_engine(database_url)
    reader, ref = SQLReader(engine), ExperimentRef(name="throughput", uid=new_id())
    await _wait_until_at_work(reader, sum(name.startswith("runner") for name in pids))
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    own, began = time.process_time(), time.perf_counter()
    await broker.publish([ExperimentCreated(experiment=ref, resource=experiment(trials, IN_FLIGHT))])
    while (found := await reader.experiment_of_uid(ref.uid)) is None or not found.is_completed:
        assert not worker.done(), worker.exception()
        await asyncio.sleep(_POLL_SECONDS)
    seconds = time.perf_counter() - began
    cpu = {"client": time.process_time() - own}
    cpu |= {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
    assert found.succeeded == trials, found.conditions
    worker.cancel()
    await broker.close()
    await engine.dispose()
    return {"seconds": seconds, "cpu": cpu}


async def _wait_until_at_work(reader: SQLReader, runners: int) -> None:
    """Return when every runner has beaten and is subscribed: its start is not what is measured."""
    async with asyncio.timeout(_START_SECONDS):
        while len(await reader.hosts()) < runners:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(_POLL_SECONDS)
    await asyncio.sleep(_SUBSCRIBE_SECONDS)


def run_optuna(servers: Servers, trials: int, processes: int) -> dict[str, Any]:
    """Run as many trials on Optuna's RDBStorage with so many processes."""
    with servers.mariadb.database() as url:
        plain = url.replace("mysql+aiomysql", "mysql+pymysql")
        command = [sys.executable, "-m", "benchmarks.optuna_worker", plain]
        subprocess.run([*command, "0"], check=True, cwd=ROOT)
        database = cpu_seconds(servers.mariadb.pid)
        began = time.perf_counter()
        share = [str(trials // processes)]
        workers = [
            subprocess.Popen([*command, *share], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(processes)
        ]
        cpu = sum(float(worker.communicate()[0]) for worker in workers)
        seconds = time.perf_counter() - began
        return {"seconds": seconds, "cpu": {"client": cpu, "database": cpu_seconds(servers.mariadb.pid) - database}}


def measure_kuttab(trials: int, repeats: int, runners: Sequence[int]) -> dict[str, Any]:
    """Measure the deployment alone, and return for each number of runners the best of the repeats."""
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder)) as servers:
        rows = {_words(count): _best(run_kuttab, servers, trials, count, repeats) for count in runners}
    _print_table(rows, trials)
    return {name: _figures(row, trials) for name, row in rows.items()}


def compare(trials: int, repeats: int, runners: Sequence[int]) -> dict[str, Any]:
    """Measure both, print a table, and return Kuttab and Optuna at their best, and the ratios."""
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder)) as servers:
        ours = {_words(count): _best(run_kuttab, servers, trials, count, repeats) for count in runners}
        peers = {
            f"optuna, {count} processes": _best(run_optuna, servers, trials, count, repeats) for count in (1, 2, 4)
        }
    _print_table({**ours, **peers}, trials)
    kuttab, optuna = (_figures(min(it.values(), key=_seconds), trials) for it in (ours, peers))
    ratio = {
        "trials_per_s": round(kuttab["trials_per_s"] / optuna["trials_per_s"], 2),
        "cpu": round(kuttab["cpu_ms_per_trial"] / optuna["cpu_ms_per_trial"], 3),
    }
    by_runners = {name: _figures(row, trials) for name, row in ours.items()}
    return {"kuttab": kuttab, "by_runners": by_runners, "optuna": optuna, "ratio": ratio}


def _best(run: Run, servers: Servers, trials: int, count: int, repeats: int) -> dict[str, Any]:
    """Return the fastest of several runs with so many processes: what else the machine does can only slow one down."""
    return min((run(servers, trials, count) for _ in range(repeats)), key=_seconds)


def _seconds(row: dict[str, Any]) -> float:
    return float(row["seconds"])


def _words(runners: int) -> str:
    return f"kuttab, {runners} runner{'s' if runners > 1 else ''}"


def _print_table(rows: dict[str, dict[str, Any]], trials: int) -> None:
    for name, row in rows.items():
        parts = ", ".join(f"{part} {1000 * seconds / trials:.2f}" for part, seconds in row["cpu"].items())
        print(f"{name:22}{trials / row['seconds']:>9.1f} trials/s   CPU ms/trial: {parts}")


def _figures(row: dict[str, Any], trials: int) -> dict[str, float]:
    cpu = 1000 * sum(row["cpu"].values()) / trials
    return {"trials_per_s": round(trials / row["seconds"], 2), "cpu_ms_per_trial": round(cpu, 3)}
