"""Start-up: CPU seconds of each function's import and first wiring, of `kuttab --help`, and to the first Worker."""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from functions.catalog import SUBSCRIPTIONS

REPEATS = 5
SEARCH = "functions.suggestion.suggest"
ESTIMATOR = "functions.suggestion.algorithms.parzen"
"""What the first TPE search imports besides: Optuna's Parzen estimator."""
PARTS = ("python", "handler", "infra", "wiring", "exit")
LIMITS = {"function_s": 1.2, "help_s": 0.5, "first_worker_s": 2.0}
"""Seconds; the first holds for functions that have not loaded Optuna."""

COLD_START = """
import time
marks = [time.process_time()]  # since the process began

import sys
from importlib import import_module
import_module(sys.argv[1])
marks.append(time.process_time())

from infra.store.engine import SQLStores, make_engine
from infra.wiring import Wiring
marks.append(time.process_time())

from tempfile import TemporaryDirectory
with TemporaryDirectory() as folder:
    Wiring(stores=SQLStores(make_engine(f"sqlite+aiosqlite:///{folder}/kuttab.db"))).bind(sys.argv[1])
    if sys.argv[2]:
        import_module(sys.argv[2])
    marks.append(time.process_time())

import json
parts = [later - earlier for earlier, later in zip([0.0, *marks], marks)]
print(json.dumps({"parts": parts, "modules": len(sys.modules), "optuna": "optuna" in sys.modules}))
"""
"""What the cold process of a function does; it imports nothing that the function does not need before its mark."""

# The Worker's first line of code writes the time, and it is a plain `python3` as a user would start it.
WORKER = "import time; open('first-line', 'w').write(repr(time.time())); print('loss=1')"
EXPERIMENT = {
    "apiVersion": "kubeflow.org/v1beta1",
    "kind": "Experiment",
    "metadata": {"name": "startup"},
    "spec": {
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "algorithm": {"algorithmName": "tpe"},
        "parallelTrialCount": 1,
        "maxTrialCount": 1,
        "parameters": [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}],
        "trialTemplate": {
            "trialParameters": [{"name": "x", "reference": "x"}],
            "trialSpec": {
                "apiVersion": "kuttab.dev/v1",
                "kind": "Process",
                "spec": {"command": ["python3", "-c", WORKER, "${trialParameters.x}"]},
            },
        },
    },
}


@dataclass(frozen=True, slots=True)
class Start:
    """One cold start: CPU seconds by part, and the modules that were loaded."""

    parts: dict[str, float]
    module_count: int
    has_optuna: bool

    @property
    def total(self) -> float:
        """All of it, the end of the process included."""
        return sum(self.parts.values())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args()
    starts = {it.function.removeprefix("functions."): start(it.function, options.repeats) for it in SUBSCRIPTIONS}
    first_search = start(SEARCH, options.repeats, extra=ESTIMATOR)
    help_s = median(time_help() for _ in range(options.repeats + 1))
    first_worker_s = median(time_first_worker() for _ in range(options.repeats + 1))
    report(starts, first_search, help_s, first_worker_s)


def start(function: str, repeats: int, *, extra: str = "") -> Start:
    """Return the median of several cold starts; a first one, which is not counted, warms the bytecode caches."""
    runs = [start_once([sys.executable, "-c", COLD_START, function, extra]) for _ in range(repeats + 1)]
    return sorted(runs[1:], key=lambda run: run.total)[repeats // 2]


def start_once(command: list[str]) -> Start:
    before = cpu_of_children()
    found = json.loads(subprocess.run(command, check=True, capture_output=True, env=environment()).stdout)
    total = cpu_of_children() - before
    parts = [*found["parts"], total - sum(found["parts"])]
    return Start(dict(zip(PARTS, parts, strict=True)), found["modules"], found["optuna"])


def cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def environment() -> dict[str, str]:
    """Return the environment of a user, whose bytecode is cached."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def kuttab() -> str:
    """Return the command that lies beside this Python."""
    return str(Path(sys.executable).with_name("kuttab"))


def time_help() -> float:
    began = time.perf_counter()
    subprocess.run([kuttab(), "--help"], check=True, capture_output=True, env=environment())
    return time.perf_counter() - began


def time_first_worker() -> float:
    """Return the seconds from `kuttab run` in an empty directory to the Worker's first line of code."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "experiment.json").write_text(json.dumps(EXPERIMENT))
        began = time.time()
        command = [kuttab(), "run", "experiment.json", "--no-report"]
        subprocess.run(command, check=True, capture_output=True, env=environment(), cwd=folder)
        return float(Path(folder, "first-line").read_text()) - began


def report(starts: dict[str, Start], first_search: Start, help_s: float, first_worker_s: float) -> None:
    print("CPU seconds of a cold process, by part, medians; bytecode is cached")
    print(f"{'':34}" + "".join(f"{part:>9}" for part in PARTS) + f"{'total':>9}{'modules':>9}")
    for name, found in {**starts, "suggestion.suggest, first TPE search": first_search}.items():
        cells = "".join(f"{found.parts[part]:>9.3f}" for part in PARTS)
        print(f"{name:34.34}{cells}{found.total:>9.3f}{found.module_count:>9}")
    most = max(found.total for found in starts.values() if not found.has_optuna)
    print()
    print("seconds, beside their limits")
    print_limit("the slowest function without Optuna, CPU", most, LIMITS["function_s"])
    print_limit("kuttab --help, wall", help_s, LIMITS["help_s"])
    print_limit("kuttab run to the first Worker's first line, wall", first_worker_s, LIMITS["first_worker_s"])
    functions = {name: round(found.total, 3) for name, found in starts.items()}
    print(json.dumps({"function_s": functions, "help_s": round(help_s, 3), "first_worker_s": round(first_worker_s, 3)}))


def print_limit(what: str, seconds: float, limit: float) -> None:
    print(f"{what:50}{seconds:>7.3f}  {'under' if seconds < limit else 'OVER'} {limit:g}")


if __name__ == "__main__":
    main()
