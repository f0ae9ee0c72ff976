"""What `sam build` makes of the template: small enough for Lambda, and each function boots from it in time."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from events.envelope import Event, encode
from events.experiment import ExperimentCreated
from events.suggestion import SuggestionRequested
from events.trial import TrialCreated, TrialFinished, WorkerOutcome
from functions.catalog import SUBSCRIPTIONS, queue_of
from functions.suggestion import algorithms
from infra.broker.port import Delivery
from infra.runtime import Runtime
from infra.store.engine import SQLStores, make_engine
from infra.store.schema import upgrade
from infra.wiring import Wiring
from tests.aws.api import EXPERIMENTS, TOKEN, a_request
from tests.aws.conftest import run_sam
from tests.aws.lambda_process import LambdaProcess
from tests.aws.packages import code_of, size_of
from tests.aws.template import ROOT, Resource, catalogue_names, of_type, transform
from tests.builders import a_created_event, a_range
from tests.data.event_examples import EXAMPLES
from tests.fakes import FakeBroker

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("aws"), pytest.mark.timeout(900)]

LIMIT_BYTES = 250 * 2**20
"""Of a function with its layers, unzipped."""
TOLERANCE = 0.1
"""By which the documentation's sizes may be wrong: without `strip` the search function is that much larger."""
COLD_SECONDS, COLD_SEARCH_SECONDS = 1.5, 3.0
"""CPU of the boot and the first event, without Optuna and with."""
BOOTS_AT_ONCE = 2
SEARCH, API = "functions.suggestion.suggest", "infra.lambda_api"


@pytest.fixture(scope="module")
def functions() -> dict[str, Resource]:
    """Return the functions of the transformed template by their names."""
    return of_type(transform()["Resources"], "AWS::Lambda::Function")


def test_sams_own_linter_is_content() -> None:
    assert "is a valid SAM Template" in run_sam("validate", "--lint")


def test_every_function_with_its_layers_is_small_enough(
    build: Path, functions: dict[str, Resource], figure: Callable[[str], None]
) -> None:
    sizes = {name: size_of(build, name, function) for name, function in functions.items()}

    for name, size in sorted(sizes.items()):
        figure(f"unzipped {size / 2**20:6.1f} MB  {name}")
    assert sizes
    assert max(sizes.values()) < LIMIT_BYTES
    told = dict(re.findall(r"^\| `([a-z_.]+)` \| (\d+) MB \|", (ROOT / "docs" / "aws.md").read_text(), re.MULTILINE))
    found = {it["Handler"].removesuffix(".lambda_handler"): sizes[name] / 2**20 for name, it in functions.items()}
    assert {name: float(size) for name, size in told.items()} == pytest.approx(found, rel=TOLERANCE)


async def test_every_function_boots_and_handles_its_first_event_in_time(
    build: Path,
    bootstrap: Path,
    functions: dict[str, Resource],
    environment: dict[str, str],
    mariadb_url: str,
    figure: Callable[[str], None],
) -> None:
    first: dict[str, Event] = {it.type: it for it in EXAMPLES}
    first[ExperimentCreated.type] = a_created_event("uid-admitted", name="admitted")
    first[SuggestionRequested.type] = await _a_search_with_history(mariadb_url)
    _make_queues(environment)
    environment["KUTTAB_API_TOKEN"] = TOKEN
    handled = {it.function: first[it.event_types[0]] for it in SUBSCRIPTIONS}

    calls = {module: _a_call(module, event) for module, event in handled.items()}
    calls[API] = a_request("GET", EXPERIMENTS)

    def boot(name: str) -> tuple[str, tuple[float, float]]:
        function = functions[name]
        module = function["Handler"].removesuffix(".lambda_handler")
        code = [*code_of(build, name, function), bootstrap]
        return module, _boot(function, code, environment, calls[module])

    with ThreadPoolExecutor(BOOTS_AT_ONCE) as pool:
        cold = dict(pool.map(boot, sorted(functions.keys() - {"UpgradeFunction"})))

    for module, (cpu, wall) in cold.items():
        figure(f"cold start {cpu:5.2f} s CPU {wall:5.2f} s wall  {module}")
    slow = {it: cpu for it, (cpu, _) in cold.items() if cpu > (COLD_SEARCH_SECONDS if it == SEARCH else COLD_SECONDS)}
    assert set(cold) == {it.function for it in SUBSCRIPTIONS} | {API}
    assert slow == {}


@pytest.mark.parametrize("name", ["TrialLaunchFunction", "TrialWatchFunction", "TrialStopFunction"])
def test_what_reaches_workers_finds_the_kubernetes_target(
    build: Path, functions: dict[str, Resource], name: str
) -> None:
    modules = "infra.target.kubernetes, infra.target.kubernetes_watch, infra.target.kubernetes_eks"

    assert _complaints(build, name, functions[name], modules) == ""


def test_what_searches_finds_all_that_any_algorithm_imports(build: Path, functions: dict[str, Resource]) -> None:
    files = sorted(Path(algorithms.__file__).parent.glob("*.py"))
    modules = [f"{algorithms.__name__}.{it.stem}" for it in files if it.stem != "__init__"]
    name = "SuggestionSuggestFunction"

    assert f"{algorithms.__name__}.gaussian_process" in modules
    assert _complaints(build, name, functions[name], ", ".join(modules)) == ""


def _complaints(build: Path, name: str, function: Resource, modules: str) -> str:
    """Return what a process with nothing but the build says where it imports these modules."""
    command = [sys.executable, "-S", "-c", f"import {modules}"]
    code = {"PYTHONPATH": os.pathsep.join(map(str, code_of(build, name, function)))}
    return subprocess.run(command, env=code, capture_output=True, text=True, check=False).stderr


async def test_the_upgrade_makes_the_tables(
    build: Path, bootstrap: Path, functions: dict[str, Resource], environment: dict[str, str]
) -> None:
    function = functions["UpgradeFunction"]
    sandbox = LambdaProcess(
        function["Handler"], [*code_of(build, "UpgradeFunction", function), bootstrap], environment, timeout_seconds=60
    )

    answers = [sandbox.invoke({}), sandbox.invoke({})]
    sandbox.close()

    assert answers == [{"version": "0001"}] * 2


def _boot(
    function: Resource, code: list[Path], environment: dict[str, str], call: dict[str, object]
) -> tuple[float, float]:
    """Return the CPU and wall seconds of a cold process up to its first answer."""
    began = time.perf_counter()
    sandbox = LambdaProcess(function["Handler"], code, environment, timeout_seconds=60)
    answer = sandbox.invoke(call)
    wall = time.perf_counter() - began
    cpu = sandbox.cpu_seconds
    sandbox.close()
    assert answer.get("batchItemFailures") == [] or answer.get("statusCode") == 200, sandbox.log
    return cpu, wall


def _a_call(module: str, event: Event) -> dict[str, object]:
    queue = next(it.queue for it in SUBSCRIPTIONS if it.function == module)
    queue = "trial-launch-process" if queue == "trial-launch" else queue
    record = {
        "messageId": "m1",
        "receiptHandle": "r1",
        "body": encode(event).decode(),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:boot-{queue}",
    }
    return {"Records": [record]}


def _make_queues(environment: dict[str, str]) -> None:
    """Make where the first events' announcements and delayed copies go."""
    client = boto3.client(
        "sqs",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    for name in catalogue_names():
        client.create_queue(QueueName=f"boot-{name}")


async def _a_search_with_history(url: str) -> SuggestionRequested:
    """Play an Experiment until a search has finished Trials to learn from, and return that search's request."""
    engine = make_engine(url)
    await upgrade(engine)
    broker = FakeBroker()
    runtime = Runtime(Wiring(SQLStores(engine)), broker)
    algorithm = {"algorithmName": "tpe", "algorithmSettings": [{"name": "n_startup_trials", "value": "2"}]}
    more = {"algorithm": algorithm, "maxTrialCount": 9, "parallelTrialCount": 1}
    waiting: list[Event] = [a_created_event("uid-searched", name="searched", kind="External", **more)]
    finished = 0
    while True:
        event = waiting.pop(0)
        if isinstance(event, SuggestionRequested) and finished == 4:
            await engine.dispose()
            return event
        if isinstance(event, TrialCreated):
            finished += 1
            event = _its_end(event, finished)
        broker.published.clear()
        await runtime.process([Delivery(queue_of(event), encode(event))])
        waiting += [it for it, _ in broker.published]


def _its_end(event: TrialCreated, value: float) -> TrialFinished:
    last = a_range(value)
    log = {"log_source": "log", "log_end": last.end, "last_range": last}
    about = {"experiment": event.experiment, "trial": event.trial, "attempt": event.attempt}
    return TrialFinished(**about, **log, outcome=WorkerOutcome.SUCCEEDED)
