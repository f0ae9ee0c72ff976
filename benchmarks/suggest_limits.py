"""The worst single call of the costly searches, cold and warm, and the memory of a process with a large history.

Each case is a process of its own, `python -m benchmarks.suggest_limits CASE`, which prints one JSON object. Cold is the
first call, of which the import of the algorithm's libraries is measured apart; warm are those that follow it.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import process_time

from events.envelope import new_id
from events.experiment import ExperimentSpec
from events.objective import ObjectiveType
from events.reference import ExperimentRef
from events.search_space import FeasibleSpace, ParameterSpec, ParameterType
from events.suggestion import SuggestionRequested
from events.trial import TargetKind
from functions.experiment.admission import read_experiment
from functions.experiment.model import Experiment
from functions.limits import Limits
from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.algorithms.drawing import draw_row
from functions.suggestion.algorithms.interface import Request
from functions.suggestion.history import History, pack_row
from functions.suggestion.history_cache import HistoryCache
from functions.suggestion.model import Suggestion
from functions.suggestion.search_space import Row, SearchSpace
from functions.suggestion.searching import claim_search, search
from functions.trial.model import Trial, TrialState
from infra.store.engine import SQLStores, make_engine
from infra.store.schema import upgrade

NAMES = ("bayesianoptimization", "auto")
SIZES = {"bayesianoptimization": (20, 250, 10_000, 100_000), "auto": (20, 120, 250, 470, 100_000)}
"""Finished Trials at the beginning. `auto` asks a Gaussian process up to 500."""
WIDTHS = (8, 20, 40)
COUNTS = (1, 8)
CALLS = 25
"""So many more Trials are enough for the kernel to be fitted anew, which is what the worst call does."""

HEAVY_TRIALS, HEAVY_WIDTH = 100_000, 20
HEAVY_NAMES = ("multivariate-tpe", "bayesianoptimization", "auto", "cmaes", "random")
_PAGE = 5_000
_AT = datetime(2026, 1, 1, tzinfo=UTC)


def measure_limits() -> dict[str, dict[str, float]]:
    """Return the worst call by case, in CPU ms a suggestion, and print the table."""
    print(
        f"\nCPU ms a suggestion, worst of {CALLS} calls: imports, the first call without them, later ones, by a batch"
    )
    found = {}
    for name in NAMES:
        for case in ((name, width, size, count) for size in SIZES[name] for width in WIDTHS for count in COUNTS):
            found[" ".join(map(str, case))] = figures = _run("calls", *map(str, case))
            times = "".join(f"{figures[key]:>10.1f}" for key in ("imports_ms", "cold_ms", "warm_ms", "median_ms"))
            print(f"{case[0]:>22}{case[1]:>4} parameters{case[2]:>8} Trials, {case[3]} at a time{times}")
    return found


def measure_memory() -> dict[str, float]:
    """Return the most megabytes that a process held which read a large history from SQLite and searched."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{Path(folder, 'heavy.db')}"
        _run("fill", url)
        for name in ("", *HEAVY_NAMES):
            found[name or "nothing"] = _run("search", url, name)["rss_mb"]
    print(f"\nMB of a process that searches after {HEAVY_TRIALS:,} Trials of {HEAVY_WIDTH} parameters: {found}")
    return found


def _run(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.suggest_limits", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def time_calls(name: str, width: int, size: int, count: int) -> dict[str, float]:
    """Suggest, finish what was suggested, and so on."""
    space = SearchSpace.from_spec(parameters(width))
    rng = Random(size)
    rows = [draw_row(space, rng) for _ in range(size)]
    history = History.empty(width).extend(rows, [loss(row) for row in rows], size)
    start = process_time()
    import functions.suggestion.algorithms.blending
    import functions.suggestion.algorithms.parzen  # noqa: F401 - what a first call would load

    algorithm = get_algorithm(name)
    times, state = [(process_time() - start) * 1_000 * count], None
    for number in range(CALLS + 1):
        first = len(history) + 1
        request = Request(
            space, ObjectiveType.MINIMIZE, {}, history, (), count, number, first, None, state, spec=ExperimentSpec()
        )
        start = process_time()
        answer = algorithm.suggest(request)
        times.append((process_time() - start) * 1_000)
        state = answer.state_after(count)
        given = [suggested.row for suggested in answer.suggestions]
        history = history.extend(given, [loss(row) for row in given], len(history) + count)
    imports, cold, *warm = (round(time / count, 1) for time in times)
    return {"imports_ms": imports, "cold_ms": cold, "warm_ms": max(warm), "median_ms": sorted(warm)[len(warm) // 2]}


def parameters(width: int) -> list[ParameterSpec]:
    """Return numbers and, every fourth, a list."""
    number = FeasibleSpace(min="0", max="1")
    listed = FeasibleSpace(list=("0", "0.3", "1"))
    return [
        ParameterSpec(name=f"p{index}", parameter_type=ParameterType.DISCRETE, feasible_space=listed)
        if index % 4 == 3
        else ParameterSpec(name=f"p{index}", parameter_type=ParameterType.DOUBLE, feasible_space=number)
        for index in range(width)
    ]


def loss(row: Row) -> float:
    return sum((value - 0.3) ** 2 for value in row)


def heavy_experiment(uid: str, name: str) -> Experiment:
    """Return an Experiment with all Trials but one finished."""
    numbers = [it.model_copy(update={"parameter_type": ParameterType.DOUBLE}) for it in parameters(HEAVY_WIDTH)]
    numbers = [it.model_copy(update={"feasible_space": FeasibleSpace(min="0", max="1")}) for it in numbers]
    names = [it.name for it in numbers]
    template = {"apiVersion": "kuttab.dev/v1", "kind": "External", "spec": {it: _placeholder(it) for it in names}}
    spec = {
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "algorithm": {"algorithmName": name or "random"},
        "parallelTrialCount": 1,
        "maxTrialCount": HEAVY_TRIALS + 1,
        "parameters": [it.to_manifest() for it in numbers],
        "trialTemplate": {
            "trialParameters": [{"name": it, "reference": it} for it in names],
            "trialSpec": template,
        },
    }
    head = {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": {"name": f"heavy-{uid}"}}
    admission = read_experiment({**head, "spec": spec})
    assert admission.resource is not None, admission.errors
    experiment = Experiment.new(ExperimentRef(name=f"heavy-{uid}", uid=uid), admission.resource.spec, created_at=_AT)
    experiment.created_count = experiment.succeeded = experiment.seq = HEAVY_TRIALS
    return experiment


def _placeholder(name: str) -> str:
    return f"${{trialParameters.{name}}}"


async def fill(url: str) -> None:
    """Make a database with an Experiment that has its Trials behind it."""
    engine = make_engine(url)
    await upgrade(engine)
    stores = SQLStores(engine)  # which maps the classes
    experiment, rng = heavy_experiment("heavy", ""), Random(1)
    async with stores.begin() as store:
        await store.add_experiment(experiment, Suggestion("heavy", algorithm="random", created_at=_AT))
    for begin in range(0, HEAVY_TRIALS, _PAGE):
        async with stores.begin() as store:
            await store.add_trials([_trial(experiment, begin + place, rng) for place in range(1, _PAGE + 1)])
    await engine.dispose()


def _trial(experiment: Experiment, number: int, rng: Random) -> Trial:
    trial = Trial.new(experiment.ref, number, target=TargetKind.EXTERNAL, created_at=_AT)
    row = tuple(rng.random() for _ in range(HEAVY_WIDTH))
    trial.vector, trial.value, trial.seq, trial.state = pack_row(row), loss(row), number, TrialState.SUCCEEDED
    return trial


async def search_heavily(url: str, name: str) -> None:
    """Read the history as a cold process does, and search by an algorithm; without one do neither."""
    engine, histories = make_engine(url), HistoryCache()
    event = SuggestionRequested(experiment=ExperimentRef(name="heavy-heavy", uid="heavy"), id=new_id())
    stores = SQLStores(engine)
    if name:
        async with stores.begin() as store:
            suggestion = await store.suggestion("heavy", lock=True)
            assert suggestion is not None
            suggestion.algorithm = name
            suggestion.release()
        async with stores.begin() as store:
            claim = await claim_search(event, store, histories, Limits())
        assert claim is not None
        assert len(claim.request.history) == HEAVY_TRIALS
        histories.put(claim.uid, claim.request.history)
        assert search(claim).suggestions
    await engine.dispose()


def main(case: str, *arguments: str) -> None:
    if case == "calls":
        name, *numbers = arguments
        print(json.dumps(time_calls(name, *map(int, numbers))))  # type: ignore[arg-type, call-arg]
        return
    asyncio.run(fill(arguments[0]) if case == "fill" else search_heavily(*arguments))  # type: ignore[call-arg]
    print(json.dumps({"rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
