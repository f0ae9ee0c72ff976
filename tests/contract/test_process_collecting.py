"""Real Workers that write event files, answer scrapes, or have a command beside them that collects."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from events.objective import Collector, CollectorKind, CollectorSource, FileSystemPath, MetricsCollectorSpec
from events.resource import Manifest
from functions.observation.collectors.text import get_collector
from functions.worker import LaunchRefusedError, Worker
from infra.target.collecting.collecting import Collecting
from infra.target.process import ProcessTarget
from tests.contract.process_rig import ProcessRig, a_process, files_of, processes_of, sh
from tests.contract.target_contract import a_worker, read_all, until, until_over

pytestmark = pytest.mark.slow

NAMES = ("accuracy", "train/loss", "test/loss")
EVENTS = """
import os, sys, time
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
root = os.environ["KUTTAB_METRICS_DIRECTORY"]
writers = {name: EventFileWriter(os.path.join(root, name)) for name in ("train", "test")}
for step in range(int(sys.argv[1])):
    for name, writer in writers.items():
        values = [Summary.Value(tag="loss", simple_value=step / 10), Summary.Value(tag="accuracy", simple_value=0.5)]
        writer.add_event(Event(wall_time=1_700_000_000.25 + step, step=step, summary=Summary(value=values)))
        writer.flush()
    print("step", step, flush=True)
    while len(sys.argv) > 2 and step == 1 and not os.path.exists(sys.argv[2]): time.sleep(0.01)
for writer in writers.values(): writer.close()
"""
ENDPOINT = """
import os, sys, time
from prometheus_client import Gauge, start_http_server
loss = Gauge("loss", "of training"); loss.set(3)
Gauge("other", "of nobody").set(1)
start_http_server(int(os.environ["KUTTAB_METRICS_PORT"]), addr="127.0.0.1")
print("serving", flush=True)
while not os.path.exists(sys.argv[1]): time.sleep(0.01)
loss.set(2)
while not os.path.exists(sys.argv[2]): time.sleep(0.01)
"""


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[ProcessRig]:
    rig = ProcessRig(tmp_path)
    rig.target = a_target(tmp_path)
    yield rig
    for uid, _ in await rig.target.list_workers():
        await rig.target.purge(uid)


def a_target(directory: Path) -> ProcessTarget:
    return ProcessTarget(directory, working_directory=directory, collecting=Collecting(scrape_seconds=0.05))


def python(script: str, *arguments: object) -> Manifest:
    return a_process(sys.executable, "-c", script, *map(str, arguments))


def a_collected_worker(kind: CollectorKind, manifest: Manifest, *names: str, **source: object) -> Worker:
    given = CollectorSource.model_validate(source)
    spec = MetricsCollectorSpec(collector=Collector(kind=kind), source=given)
    return replace(a_worker(manifest), collector=spec, metric_names=names or ("loss",))


async def points_of(rig: ProcessRig, worker: Worker) -> list[tuple[str, str]]:
    parser = get_collector(worker.collector, worker.metric_names)
    assert parser is not None
    return [(point.name, point.value) for point in parser.parse(await read_all(rig.target, worker))]


async def test_event_files_of_directories_become_the_metrics_that_name_them(rig: ProcessRig) -> None:
    worker = a_collected_worker(CollectorKind.TENSORFLOW_EVENT, python(EVENTS, 2), *NAMES)

    await rig.target.launch(worker)
    await until_over(rig.target, worker)
    points = await points_of(rig, worker)

    assert [value for name, value in points if name == "train/loss"] == ["0.0", "0.1"]
    assert [value for name, value in points if name == "test/loss"] == ["0.0", "0.1"]
    assert [value for name, value in points if name == "accuracy"] == ["0.5"] * 4
    lines = [json.loads(line.text) for line in await read_all(rig.target, worker)]
    assert {line["timestamp"] for line in lines} == {1_700_000_000.25, 1_700_000_001.25}


async def test_events_are_read_while_they_are_written_and_go_on_after_a_restart(
    rig: ProcessRig, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    worker = a_collected_worker(CollectorKind.TENSORFLOW_EVENT, python(EVENTS, 4, go), "train/loss")
    await rig.target.launch(worker)

    async def has_two() -> bool:
        return len((await rig.target.read_log(worker, 0, is_over=False)).lines) == 2

    await until(has_two)
    before = (await rig.target.read_log(worker, 0, is_over=False)).lines
    with files_of(rig, worker).series.open("ab") as series:
        series.write(b'{"half": ')
    rig.target = a_target(rig.directory)
    go.touch()
    await until_over(rig.target, worker)
    after = await read_all(rig.target, worker)

    assert tuple(after[:2]) == before
    assert await points_of(rig, worker) == [("train/loss", f"0.{step}") for step in range(4)]


async def test_a_worker_without_the_wanted_tag_is_told_which_there_are(rig: ProcessRig) -> None:
    worker = a_collected_worker(CollectorKind.TENSORFLOW_EVENT, python(EVENTS, 1), "recall")

    await rig.target.launch(worker)
    state = await until_over(rig.target, worker)

    assert state.message == "the event files have these tags: accuracy, loss"


async def test_without_tensorboard_the_launch_is_refused_with_its_name(
    rig: ProcessRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = a_collected_worker(CollectorKind.TENSORFLOW_EVENT, sh("true"))
    monkeypatch.setattr("infra.target.collecting.tensorflow_events.find_spec", lambda name: None)

    with pytest.raises(LaunchRefusedError, match=r"pip install 'kuttab\[tensorboard\]'"):
        await rig.target.launch(worker)


async def test_an_endpoint_is_scraped_while_the_worker_runs(rig: ProcessRig, tmp_path: Path) -> None:
    change, end = tmp_path / "change", tmp_path / "end"
    worker = a_collected_worker(CollectorKind.PROMETHEUS_METRIC, python(ENDPOINT, change, end))
    await rig.target.launch(worker)

    async def has(value: str) -> bool:
        lines = (await rig.target.read_log(worker, 0, is_over=False)).lines
        return any(json.loads(line.text)["loss"] == value for line in lines)

    await until(lambda: has("3.0"))
    rig.target = a_target(rig.directory)
    change.touch()
    await until(lambda: has("2.0"))
    end.touch()
    state = await until_over(rig.target, worker)
    points = await points_of(rig, worker)

    assert state.exit_code == 0
    assert {name for name, _ in points} == {"loss"}
    assert points[0][1] == "3.0"
    assert points[-1][1] == "2.0"


async def test_a_worker_that_never_listens_is_told_so_and_does_not_fail(rig: ProcessRig, tmp_path: Path) -> None:
    end = tmp_path / "end"
    worker = a_collected_worker(CollectorKind.PROMETHEUS_METRIC, sh(f"until [ -e {end} ]; do sleep 0.02; done"))
    await rig.target.launch(worker)

    await until(lambda: is_noted(rig, worker))
    end.touch()
    state = await until_over(rig.target, worker)

    assert state.exit_code == 0
    assert state.message.startswith("nothing was scraped when last tried: the Worker does not listen on port ")
    assert await read_all(rig.target, worker) == []


async def test_anothers_port_is_not_scraped(rig: ProcessRig, tmp_path: Path) -> None:
    change, end = tmp_path / "change", tmp_path / "end"
    owner = a_collected_worker(CollectorKind.PROMETHEUS_METRIC, python(ENDPOINT, change, end))
    await rig.target.launch(owner)
    port = files_of(rig, owner).find_metrics_port()
    idler = a_collected_worker(
        CollectorKind.PROMETHEUS_METRIC, sh(f"until [ -e {end} ]; do sleep 0.02; done"), http_get={"port": port}
    )
    await rig.target.launch(idler)

    async def is_scraped() -> bool:
        return bool((await rig.target.read_log(owner, 0, is_over=False)).lines)

    await until(is_scraped)
    await until(lambda: is_noted(rig, idler))
    change.touch()
    end.touch()
    await until_over(rig.target, idler)

    assert await read_all(rig.target, idler) == []
    assert f" or {port} " in files_of(rig, idler).note.read_text()


async def is_noted(rig: ProcessRig, worker: Worker) -> bool:
    await rig.target.read_log(worker, 0, is_over=False)
    return files_of(rig, worker).note.exists()


async def test_a_host_elsewhere_is_refused(rig: ProcessRig) -> None:
    worker = a_collected_worker(CollectorKind.PROMETHEUS_METRIC, sh("true"), http_get={"host": "10.0.0.1"})

    with pytest.raises(LaunchRefusedError, match=r"httpGet\.host"):
        await rig.target.launch(worker)


def a_custom_worker(manifest: Manifest, *command: str, path: str | None = None, **container: object) -> Worker:
    found = Collector(kind=CollectorKind.CUSTOM, custom_collector={"command": list(command), **container})  # type: ignore[dict-item]
    source = CollectorSource(file_system_path=FileSystemPath(path=path, kind="File")) if path else None
    spec = MetricsCollectorSpec(collector=found, source=source)
    return replace(a_worker(manifest), collector=spec, metric_names=("loss",))


async def test_a_command_beside_the_worker_reads_what_it_writes(rig: ProcessRig) -> None:
    worker = a_custom_worker(
        sh(
            f'until [ -e {rig.directory}/ready ]; do sleep 0.02; done; printf "3\\n2\\n" > /tmp/m/values; echo "loss=9"'
        ),
        "sh",
        "-c",
        'trap "sed s/^/$NAME=/ /tmp/m/values; echo bye >&2; exit 0" TERM; '
        f"touch {rig.directory}/ready; while :; do sleep 0.02; done",
        path="/tmp/m/values",
        env=[{"name": "NAME", "value": "loss"}],
    )

    await rig.target.launch(worker)
    state = await until_over(rig.target, worker)

    assert (state.exit_code, state.message) == (0, "")
    assert await points_of(rig, worker) == [("loss", "3"), ("loss", "2")]
    assert files_of(rig, worker).log.read_text() == "loss=9\nbye\n"
    await until(lambda: asyncio.to_thread(lambda: not processes_of(worker)))


async def test_a_collector_that_does_not_end_is_killed_and_the_exit_code_is_the_workers(rig: ProcessRig) -> None:
    ready = rig.directory / "ready"
    stubborn = f"trap '' TERM; echo loss=1; touch {ready}; while :; do sleep 0.1; done"
    worker = a_custom_worker(sh(f"until [ -e {ready} ]; do sleep 0.02; done; exit 3"), "sh", "-c", stubborn)

    await rig.target.launch(worker)
    state = await until_over(rig.target, worker)

    assert state.exit_code == 3
    assert await points_of(rig, worker) == [("loss", "1")]


async def test_a_collector_that_prints_nothing_is_told(rig: ProcessRig) -> None:
    worker = a_custom_worker(sh("true"), "true")

    await rig.target.launch(worker)

    assert (await until_over(rig.target, worker)).message == "the collector's command printed nothing"


async def test_a_collector_that_cannot_run_is_refused_with_its_field(rig: ProcessRig) -> None:
    with pytest.raises(LaunchRefusedError, match=r"collector\.customCollector\.command\[0\]: 'no-such-program'"):
        await rig.target.launch(a_custom_worker(sh("true"), "no-such-program"))
    with pytest.raises(LaunchRefusedError, match=r"collector\.customCollector\.command: must be specified"):
        await rig.target.launch(a_custom_worker(sh("true")))
