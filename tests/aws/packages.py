"""Print the table of docs/aws.md: how large each function is, built, and how long its imports take in a cold process.

Seconds are the processor's, the least of some processes. `make packages` builds and prints.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.aws.conftest import run_sam
from tests.aws.template import Resource, layers_of, of_type, transform

MEGABYTE = 2**20
REPEATS = 3
RUNTIME = "infra.lambda_runtime"
AT_WORK = {
    "functions.suggestion.suggest": "functions.suggestion.algorithms.parzen, scipy.optimize, scipy.special",
    "functions.trial.launch": "infra.target.batch_calls, infra.target.kubernetes_eks, infra.target.kubernetes",
    "functions.trial.watch": "infra.target.batch_calls, infra.target.kubernetes_eks, infra.target.kubernetes",
    "functions.trial.stop": "infra.target.batch_calls, infra.target.kubernetes_eks, infra.target.kubernetes",
}
"""What a function imports besides when it first needs it: a search its algorithm, the others what reaches Workers."""
HEAD = (
    "| function | unzipped, with its layers | import | with what it needs at work |",
    "| --- | ---: | ---: | ---: |",
)
_MEASURE = "import time; began = time.process_time(); import {}; print(time.process_time() - began)"


@dataclass(frozen=True, slots=True)
class Package:
    """A function's figures."""

    handler: str
    size_bytes: int
    import_seconds: float
    at_work_seconds: float

    @property
    def row(self) -> str:
        """One line of the table."""
        times = f"{self.import_seconds:.2f} s | {self.at_work_seconds:.2f} s"
        return f"| `{self.handler}` | {self.size_bytes / MEGABYTE:.0f} MB | {times} |"


def size_of(build: Path, name: str, function: Resource) -> int:
    """Return the unzipped bytes of a function with its layers."""
    folders = [build / name, *(build / layer for layer in layers_of(function))]
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())


def code_of(build: Path, name: str, function: Resource) -> list[Path]:
    """Return where a function's modules lie, in the order of Lambda's path."""
    return [build / name, *(build / layer / "python" for layer in layers_of(function))]


def import_seconds(code: list[Path], modules: str) -> float:
    """Return the least processor seconds of importing these modules in a process that has nothing else."""
    environment = {"PYTHONPATH": os.pathsep.join(map(str, code)), "PYTHONDONTWRITEBYTECODE": "1", "AWS_REGION": "-"}
    command = [sys.executable, "-S", "-c", _MEASURE.format(modules)]
    runs = [subprocess.check_output(command, env=environment, cwd=code[0], text=True) for _ in range(REPEATS)]
    return min(map(float, runs))


def measure(build: Path, functions: Mapping[str, Resource]) -> list[Package]:
    """Measure every function of a build, one process at a time."""
    found = []
    for name, function in functions.items():
        module = function["Handler"].removesuffix(".lambda_handler")
        code, modules = code_of(build, name, function), f"{module}, {RUNTIME}"
        first, more = import_seconds(code, modules), AT_WORK.get(module)
        at_work = import_seconds(code, f"{modules}, {more}") if more else first
        found.append(Package(module, size_of(build, name, function), first, at_work))
    return found


def main() -> None:
    """Build into a folder of its own, measure, print."""
    functions = of_type(transform()["Resources"], "AWS::Lambda::Function")
    with tempfile.TemporaryDirectory() as folder:
        run_sam("build", "--build-dir", folder)
        packages = measure(Path(folder), functions)
    sys.stdout.writelines(f"{line}\n" for line in (*HEAD, *(it.row for it in packages)))


if __name__ == "__main__":
    main()
