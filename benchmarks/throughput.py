"""Trials per second and CPU per trial: Kuttab beside Optuna's storages, in one run, each in a process of its own.

`python -m benchmarks.throughput` measures a deployment on a private RabbitMQ and a private MariaDB beside Optuna's
RDBStorage on the same MariaDB, then what `--embedded` measures alone: one Experiment of 1,000 Trials that do nothing
(64 in flight, random search, six parameters, answered at once by an External Worker) and as many trials on Optuna's
JournalStorage and its SQLite RDBStorage. The last line is one JSON object; ratios are Kuttab ÷ peer.
"""

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from events.trial import TrialCreated, TrialFinished
    from infra.broker.port import Broker

TRIALS = 1_000
IN_FLIGHT = 64
REPEATS = 3


def experiment(trials: int, in_flight: int) -> dict[str, object]:
    """Return an Experiment whose Workers are the benchmark itself."""
    names = [f"p{index}" for index in range(6)]
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": "throughput"},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss"},
            "algorithm": {"algorithmName": "random"},
            "parallelTrialCount": in_flight,
            "maxTrialCount": trials,
            "parameters": [
                {"name": name, "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}} for name in names
            ],
            "trialTemplate": {
                "primaryContainerName": "none",
                "trialParameters": [{"name": name, "reference": name} for name in names],
                "trialSpec": {
                    "apiVersion": "kuttab.dev/v1",
                    "kind": "External",
                    "spec": {"parameters": [f"${{trialParameters.{name}}}" for name in names]},
                },
            },
        },
    }


async def run_embedded(directory: Path, trials: int) -> float:
    """Run the Experiment and return its seconds, from the submission to the end."""
    from events.envelope import new_id
    from events.experiment import ExperimentCreated
    from events.reference import ExperimentRef
    from infra.settings import Settings
    from local_runner.embedded import EmbeddedRunner

    async with EmbeddedRunner(Settings(directory=directory)) as runner:
        worker = asyncio.create_task(answer_all(runner.broker))
        ref = ExperimentRef(name="throughput", uid=new_id())
        began = time.perf_counter()
        await runner.submit(ExperimentCreated(experiment=ref, resource=experiment(trials, IN_FLIGHT)))
        ended = await runner.wait_until_finished(ref.uid)
        seconds = time.perf_counter() - began
        worker.cancel()
        assert ended.succeeded == trials, ended.conditions
        return seconds


async def answer_all(broker: "Broker") -> None:
    """Be the External Worker: answer every Trial at once."""
    from events.envelope import decode
    from events.trial import TrialCreated
    from functions.catalog import EXTERNAL_QUEUE

    consumer = await broker.consume(EXTERNAL_QUEUE, prefetch=IN_FLIGHT)
    while True:
        deliveries = await consumer.receive(IN_FLIGHT)
        events = [decode(delivery.body) for delivery in deliveries]
        await broker.publish([answer(event) for event in events if isinstance(event, TrialCreated)])
        await broker.ack(deliveries)


def answer(event: "TrialCreated") -> "TrialFinished":
    """Return the result of a Trial that does nothing."""
    from events.observation import MetricPoint, MetricRange
    from events.trial import TrialFinished

    loss = sum(float(assignment.value) for assignment in event.parameter_assignments)
    points = (MetricPoint(position=0, name="loss", value=repr(loss)),)
    return TrialFinished(
        experiment=event.experiment,
        trial=event.trial,
        attempt=event.attempt,
        outcome="Succeeded",
        log_source="worker",
        log_end=1,
        last_range=MetricRange(source="worker", start=0, end=1, points=points),
    )


def run_optuna(storage: str, directory: Path, trials: int) -> float:
    """Run as many trials that do nothing on one of Optuna's storages, and return the seconds."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if storage == "journal":
        backend = optuna.storages.journal.JournalFileBackend(str(directory / "journal.log"))
        chosen: optuna.storages.BaseStorage = optuna.storages.JournalStorage(backend)
    else:
        chosen = optuna.storages.RDBStorage(f"sqlite:///{directory / 'optuna.db'}")
    study = optuna.create_study(storage=chosen, sampler=optuna.samplers.RandomSampler())
    began = time.perf_counter()
    study.optimize(lambda trial: sum(trial.suggest_float(f"p{i}", 0, 1) for i in range(6)), n_trials=trials)
    return time.perf_counter() - began


def contend(name: str, trials: int) -> dict[str, float]:
    """Run one contender in this process and return its figures."""
    with tempfile.TemporaryDirectory() as folder:
        before = time.process_time()
        if name == "embedded":
            seconds = asyncio.run(run_embedded(Path(folder) / "kuttab", trials))
        else:
            seconds = run_optuna(name, Path(folder), trials)
        cpu = time.process_time() - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"trials_per_s": trials / seconds, "cpu_ms_per_trial": 1000 * cpu / trials, "rss_mb": memory}


def measure(name: str, trials: int, repeats: int) -> dict[str, float]:
    """Return the medians of several runs, each in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.throughput", "--contender", name, "--trials", str(trials)]
    runs = [json.loads(subprocess.check_output(command, text=True).splitlines()[-1]) for _ in range(repeats)]
    return {key: round(statistics.median(run[key] for run in runs), 3) for key in runs[0]}


def compare_embedded(trials: int, repeats: int) -> dict[str, object]:
    """Measure the embedded runner beside both of Optuna's local storages, and print a table."""
    found = {name: measure(name, trials, repeats) for name in ("embedded", "journal", "sqlite")}
    print(f"{trials} trials that do nothing, random search, medians of {repeats} runs")
    print(f"{'':12}{'trials/s':>10}{'CPU ms/trial':>14}{'RSS MB':>9}")
    for name, row in found.items():
        print(f"{name:12}{row['trials_per_s']:>10.1f}{row['cpu_ms_per_trial']:>14.2f}{row['rss_mb']:>9.0f}")
    ours, peer = found["embedded"], found["journal"]
    ratio = {
        "trials_per_s": round(ours["trials_per_s"] / peer["trials_per_s"], 2),
        "cpu": round(ours["cpu_ms_per_trial"] / peer["cpu_ms_per_trial"], 3),
    }
    return {**found, "embedded_ratio": ratio}


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__)
    parser.add_argument("--embedded", action="store_true", help="only the embedded runner and Optuna's local storages")
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument(
        "--runners", type=int, help="so many `kuttab runner`; unless given both 1 and 2, the best counts"
    )
    parser.add_argument("--alone", action="store_true", help="only the deployment, no peers")
    parser.add_argument("--contender", choices=("embedded", "journal", "sqlite"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        print(json.dumps(contend(options.contender, options.trials)))
    elif options.embedded:
        print(json.dumps(compare_embedded(options.trials, options.repeats)))
    else:
        from benchmarks.deployed import compare, measure_kuttab

        runners = (options.runners,) if options.runners else (1, 2)
        if options.alone:
            print(json.dumps(measure_kuttab(options.trials, options.repeats, runners)))
            return
        found = compare(options.trials, options.repeats, runners)
        embedded = compare_embedded(options.trials, options.repeats)
        print(json.dumps({**found, "embedded_ratio": embedded["embedded_ratio"]}))


if __name__ == "__main__":
    main()
