"""Runs of `benchmarks.search`: one search of one task, and the file that keeps what they found."""

import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from time import process_time

from benchmarks.search_contenders import Contender, get_maker
from benchmarks.search_suite import TASKS
from events.experiment import ExperimentSpec
from functions.identity import derive_seed


@dataclass(frozen=True, order=True)
class Run:
    """One search: who, on what, with which chance, how many Trials at a time, and how many in all."""

    task: str
    algorithm: str
    seed: int
    parallel: int
    budget: int


@dataclass(frozen=True)
class Record:
    """What a run found."""

    run: Run
    curve: tuple[float, ...]
    """The least loss after each Trial, in the order of their finish."""
    least: float | None
    """The least loss that the task has, where it is known."""
    cpu_s: float
    """Of the search alone, without the evaluations."""

    def to_line(self) -> str:
        return json.dumps({**asdict(self.run), "curve": self.curve, "least": self.least, "cpu_s": self.cpu_s}) + "\n"


def read_records(file: Path) -> list[Record]:
    """Read what earlier calls appended; a line that was cut short by a kill is left out."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [read_record(json.loads(line)) for line in lines if line.endswith("}")]


def read_record(fields: dict[str, object]) -> Record:
    run = Run(**{name: fields.pop(name) for name in Run.__dataclass_fields__})
    return Record(run, tuple(fields.pop("curve")), **fields)


def missing(wanted: Iterable[Run], records: Iterable[Record]) -> Iterator[Run]:
    """Yield the runs that no earlier one of at least as many Trials stands for."""
    done: dict[Run, int] = {}
    for record in records:
        key = without_budget(record.run)
        done[key] = max(done.get(key, 0), record.run.budget)
    return (run for run in wanted if done.get(without_budget(run), 0) < run.budget)


def without_budget(run: Run) -> Run:
    return Run(run.task, run.algorithm, run.seed, run.parallel, 0)


def search(run: Run) -> Record:
    """Evaluate as many Trials at a time as the run has; they take different times, the same for every contender."""
    task = TASKS[run.task]
    evaluate, least = task.prepare(run.seed)
    clocked = Clocked(make(run))
    active: list[tuple[float, int, float]] = []
    rng, losses, created, now = Random(run.seed), [], 0, 0.0
    while len(losses) < run.budget:
        rows = clocked.ask(min(run.parallel - len(active), run.budget - created)) if created < run.budget else []
        if not rows and not active:
            break  # the space is used up
        for row in rows:
            created += 1
            heapq.heappush(active, (now + rng.lognormvariate(0, 0.5), created, evaluate(row)))
        now, number, loss = heapq.heappop(active)
        clocked.tell(number, loss)
        losses.append(min(loss, losses[-1]) if losses else loss)
    curve = tuple(float(f"{loss:.9g}") for loss in losses)
    return Record(run, curve, least, round(clocked.cpu_s, 3))


def make(run: Run) -> Contender:
    spec = ExperimentSpec(
        parameters=TASKS[run.task].parameters, max_trial_count=run.budget, parallel_trial_count=run.parallel
    )
    return get_maker(run.algorithm)(TASKS[run.task].space, derive_seed(run.task, run.seed) % 2**31, spec)


class Clocked:
    """A contender with the CPU time that it takes."""

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self.cpu_s = 0.0

    def ask(self, count: int) -> list[tuple[float, ...]]:
        start = process_time()
        rows = self._contender.ask(count)
        self.cpu_s += process_time() - start
        return rows

    def tell(self, number: int, loss: float) -> None:
        start = process_time()
        self._contender.tell(number, loss)
        self.cpu_s += process_time() - start
