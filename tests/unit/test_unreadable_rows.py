"""A row that cannot be read holds up nobody but itself, and is named in the log."""

import logging
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from events.suggestion import SuggestionRequested
from events.trial import TrialCreated, WorkerChanged
from functions.experiment.reasons import Phase
from functions.ports import Host
from infra.store import readable
from infra.store.readable import UnreadableRowError
from local_runner.cli.main import cli
from local_runner.supervisor import Supervisor
from tests.builders import UID, a_created_event, a_tick
from tests.fakes import FakeBroker, House
from tests.unit.cli_material import a_past, fill_directory

OTHER = "uid-other"


@pytest.fixture(autouse=True)
def _told_nothing_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readable, "_told_at", {})


def spoil(house: House, table: str, column: str, key: str, text: str = '{"cut": ') -> None:
    house.raw.execute(f"UPDATE {table} SET {column} = ? WHERE {key}", (text,))


async def heard_in(house: House, seconds: int) -> set[tuple[type, str]]:
    """Let time pass; return what was announced, and of which Experiment."""
    heard = set()
    for index in range(seconds):
        house.clock.advance(1)
        announced = await house.handle(a_tick(f"tick-{index}"))
        heard |= {(type(it), it.experiment.name) for it in announced}  # type: ignore[attr-defined]
    return heard


async def test_an_unreadable_experiment_is_named_and_the_others_are_served(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await house.play(a_created_event(), hold=[SuggestionRequested])
    await house.play(a_created_event(OTHER, id="other", name="other"), hold=[SuggestionRequested])
    spoil(house, "experiments", "spec", f"uid = '{UID}'")

    heard = await heard_in(house, 20)

    assert heard == {(SuggestionRequested, "other")}
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.message.startswith("passed over experiment default/digits, whose row cannot be read: ")


async def test_a_mended_row_goes_on_by_itself(house: House) -> None:
    await house.play(a_created_event(), hold=[SuggestionRequested])
    (spec,) = house.raw.execute("SELECT spec FROM experiments").fetchone()
    spoil(house, "experiments", "spec", f"uid = '{UID}'")
    await heard_in(house, 20)

    spoil(house, "experiments", "spec", f"uid = '{UID}'", spec)

    assert (SuggestionRequested, "digits") in await heard_in(house, int(readable.SILENCE_SECONDS) + 20)


async def test_trials_of_an_unreadable_experiment_wait_until_it_is_mended(house: House) -> None:
    await house.start(maxTrialCount=2)
    (spec,) = house.raw.execute("SELECT spec FROM experiments").fetchone()
    spoil(house, "experiments", "spec", f"uid = '{UID}'")

    without = await heard_in(house, 60)
    spoil(house, "experiments", "spec", f"uid = '{UID}'", spec)

    assert without == set()
    assert (WorkerChanged, "digits") in await heard_in(house, 600)


@pytest.mark.parametrize(
    ("column", "text"), [("assignments", "["), ("state", "Sleeping"), ("fold", '{"loss": 1}'), ("created_at", "noon")]
)
async def test_an_unreadable_trial_is_passed_over_alone(
    house: House, column: str, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    trials = await house.start(maxTrialCount=2)
    await house.play(a_created_event(OTHER, id="other", name="other"), hold=[TrialCreated])
    spoil(house, "trials", column, f"uid = '{trials[0].uid}'", text)

    heard = await heard_in(house, 20)

    assert {(TrialCreated, "other"), (WorkerChanged, "digits")} <= heard
    assert f"trial default/{trials[0].name}" in caplog.text
    assert [trial.number for trial in await house.trials()] == [2]


async def test_an_unreadable_search_fails_its_experiment_in_the_end(house: House) -> None:
    await house.play(a_created_event(), hold=[SuggestionRequested])
    spoil(house, "suggestions", "state", f"experiment_uid = '{UID}'")

    for index in range(360):
        house.clock.advance(10)
        await house.play(a_tick(f"tick-{index}"), hold=[SuggestionRequested])

    assert (await house.experiment()).phase == Phase.FAILED


async def test_a_host_looks_after_the_other_trials_and_lets_workers_of_an_unreadable_experiment_live(
    house: House,
) -> None:
    one = {"kind": "Process", "maxTrialCount": 1, "parallelTrialCount": 1}
    (lone,) = await house.start(**one)
    await house.play(a_created_event(OTHER, id="other", name="other", **one))
    (other,) = await house.trials(OTHER)
    spoil(house, "experiments", "spec", f"uid = '{UID}'")
    house.target.write(other, "loss=0.5\n")
    house.target.end(other)
    broker = FakeBroker()
    supervisor = Supervisor(house.wiring, broker, house.target, Host("host-a", slots=4))  # type: ignore[arg-type]

    await supervisor.look()

    assert {event.trial.uid for event, _ in broker.published} == {other.uid}  # type: ignore[attr-defined]
    assert (lone.uid, lone.attempt) in await house.target.list_workers()


async def test_what_is_asked_for_by_name_and_cannot_be_read_is_an_error_of_one_line(house: House) -> None:
    await house.start()
    spoil(house, "experiments", "spec", f"uid = '{UID}'")

    with pytest.raises(UnreadableRowError) as refused:
        await house.reader.experiment("default", "digits")

    assert str(refused.value).startswith("default/digits: a row of the database cannot be read: ")
    assert "\n" not in str(refused.value)


def test_get_lists_what_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    experiment, trials = a_past([0.5])
    fill_directory(tmp_path / ".kuttab", experiment, trials)
    with sqlite3.connect(tmp_path / ".kuttab" / "kuttab.db") as database:
        copied = "uid, live_name, name, spec"
        rest = ", ".join(
            row[1] for row in database.execute("PRAGMA table_info(experiments)") if row[1] not in copied.split(", ")
        )
        broken = "'uid-broken', 'default/broken', 'broken', '{'"
        database.execute(f"INSERT INTO experiments ({copied}, {rest}) SELECT {broken}, {rest} FROM experiments")

    every = CliRunner().invoke(cli, ["get", "experiments", "-o", "name"])
    one = CliRunner().invoke(cli, ["describe", "experiment", "broken"])

    assert (every.exit_code, every.stdout) == (0, "experiment.kubeflow.org/digits\n")
    assert (one.exit_code, one.stderr.count("\n")) == (2, 1)
    assert one.stderr.startswith("error: default/broken: a row of the database cannot be read: ")
