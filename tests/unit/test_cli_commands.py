"""The commands that read or write a runner's directory while no runner is at work in it."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from kombu.transport.filesystem import Transport

from events.envelope import decode
from events.experiment import ExperimentCreated, ExperimentEdited
from events.trial import TargetKind
from functions.trial.model import Trial
from infra.broker.unwrap import unwrap
from local_runner.cli.main import cli
from tests.builders import a_failed_attempt, an_experiment_manifest
from tests.unit.cli_material import a_past, fill_directory

OBSERVED = {"resumePolicy": "LongRunning", "maxTrialCount": 3}


def kuttab(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=given)


@pytest.fixture
def trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    """Give a directory in which Experiment `digits` has ended, with a failed Trial and logs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KUTTAB_DIRECTORY", raising=False)
    Transport.global_state.clear()  # kombu remembers its bindings for one working directory a process
    experiment, trials = a_past([0.5, None, 0.25], **OBSERVED)
    for trial in trials:
        trial.target = TargetKind.PROCESS
    fill_directory(tmp_path / ".kuttab", experiment, trials)
    log = tmp_path / ".kuttab" / "workers" / f"{trials[0].uid}-1" / "log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"epoch 1\nloss=0.5\n\xff\n")
    return trials


@contextmanager
def a_runner_at_work(directory: Path) -> Iterator[None]:
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711\n")
        lock.flush()
        yield


def inbox(directory: Path = Path(".kuttab/inbox")) -> list[object]:
    return [decode(unwrap(path.read_bytes())) for path in sorted(directory.glob("*.msg"))]


@pytest.mark.usefixtures("trials")
def test_experiments_are_listed_with_katibs_columns() -> None:
    lines = kuttab("get", "experiments").output.splitlines()

    assert lines[0].split() == ["NAME", "TYPE", "STATUS", "AGE"]
    assert lines[1].split()[:3] == ["digits", "Succeeded", "True"]


def test_wide_output_has_the_best_trial(trials: list[Trial]) -> None:
    row = kuttab("get", "exp", "digits", "-o", "wide", "--no-headers").output.split()

    assert row[0] == "digits"
    assert row[4:] == ["3/3", "0", "0.25", trials[2].name, "x=0.3"]


def test_trials_are_picked_by_experiment_selector_and_name(trials: list[Trial]) -> None:
    names = [
        kuttab("get", "trials", "-o", "name", *more).output.split()
        for more in (
            (),
            ("--experiment", "digits"),
            ("-l", "katib.kubeflow.org/experiment=digits"),
            (trials[1].name,),
        )
    ]

    everything = [f"trial.kubeflow.org/{trial.name}" for trial in trials]
    assert names == [everything, everything, everything, [everything[1]]]


@pytest.mark.usefixtures("trials")
def test_nothing_found_is_said_on_standard_error() -> None:
    answers = [kuttab("get", "trials", *more) for more in (("-n", "team"), ("-l", "a=b"), ("--experiment", "other"))]

    assert [(it.exit_code, it.stdout) for it in answers] == [(0, "")] * 3
    assert answers[0].stderr == "No resources found in team namespace.\n"


@pytest.mark.usefixtures("trials")
def test_one_resource_is_an_object_and_several_are_a_list() -> None:
    one = yaml.safe_load(kuttab("get", "experiment", "digits", "-o", "yaml").output)
    several = json.loads(kuttab("get", "experiments", "-o", "json").output)

    assert (one["kind"], one["metadata"]["name"]) == ("Experiment", "digits")
    assert one["status"]["trialsSucceeded"] == 2
    assert several["kind"] == "List"
    assert [item["metadata"]["name"] for item in several["items"]] == ["digits"]


@pytest.mark.usefixtures("trials")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("get", "experiment", "nix"), 'experiments.kubeflow.org "nix" not found'),
        (("get", "trial/nix"), 'trials.kubeflow.org "nix" not found'),
        (("describe", "experiment", "nix"), 'experiments.kubeflow.org "nix" not found'),
        (("describe", "trial", "nix"), 'trials.kubeflow.org "nix" not found'),
        (("logs", "nix"), 'trials.kubeflow.org "nix" not found'),
        (("stop", "experiment", "nix"), 'experiments.kubeflow.org "nix" not found'),
        (("delete", "experiment", "nix"), 'experiments.kubeflow.org "nix" not found'),
        (("scale", "experiment", "nix", "--parallel", "2"), 'experiments.kubeflow.org "nix" not found'),
        (("report", "nix"), 'experiments.kubeflow.org "nix" not found'),
    ],
)
def test_an_unknown_name_is_kubectls_error_and_status_1(arguments: tuple[str, ...], message: str) -> None:
    answer = kuttab(*arguments)

    assert (answer.exit_code, answer.stderr) == (1, f"Error from server (NotFound): {message}\n")


def test_an_experiment_is_described(trials: list[Trial]) -> None:
    text = kuttab("describe", "experiment", "digits").output

    assert "Name:          digits\n" in text
    assert "Objective:     minimize loss\n" in text
    assert f"  Name:        {trials[2].name}\n" in text
    assert "ExperimentMaxTrialsReached" in text
    assert "Trials:        3: 2 succeeded, 1 failed\n" in text


def test_a_trial_is_described(trials: list[Trial]) -> None:
    text = kuttab("describe", "trial", trials[1].name).output

    assert "Status:        Failed\n" in text
    assert "Message:       exit code 3\n" in text
    assert f"  Log:         .kuttab/workers/{trials[1].uid}-1/log\n" in text
    assert "Observation:\n  <none>\n" in text


def test_logs_are_printed_byte_by_byte(trials: list[Trial]) -> None:
    whole, tail = (
        kuttab("logs", trials[0].name),
        kuttab("logs", f"trial.kubeflow.org/{trials[0].name}", "--tail", "1", "-f"),
    )

    assert whole.stdout_bytes == b"epoch 1\nloss=0.5\n\xff\n"
    assert tail.stdout_bytes == b"\xff\n"


def test_a_log_that_is_not_there_says_why(trials: list[Trial]) -> None:
    answers = [kuttab("logs", trials[1].name), kuttab("logs", trials[0].name, "--previous")]

    assert [it.exit_code for it in answers] == [1, 1]
    assert answers[0].stderr == f"error: {trials[1].name} has no log: exit code 3\n"
    assert "no attempt before the current one" in answers[1].stderr


def test_a_log_on_another_host_says_where(tmp_path: Path) -> None:
    experiment, (first, again) = a_past([0.5, 0.25], **OBSERVED)
    for trial in (first, again):
        trial.target, trial.host = TargetKind.PROCESS, "b"
    again.attempt, again.attempts = 2, (a_failed_attempt(again, host="a"),)
    fill_directory(tmp_path / ".kuttab", experiment, [first, again])
    database = f"sqlite+aiosqlite:///{tmp_path}/.kuttab/kuttab.db"

    names = [(first.name,), (again.name, "--previous")]
    answers = [kuttab("logs", *it, "--dir", str(tmp_path), "--database", database).stderr for it in names]

    hint = "; call this there, with the --dir of its runner\n"
    assert answers[0] == f"error: {first.name} has no log: it ran on host b{hint}"
    assert answers[1] == f"error: {again.name} has no log: it ran on host a{hint}"


@pytest.mark.usefixtures("trials")
def test_a_report_is_written_on_demand(tmp_path: Path) -> None:
    answer = kuttab("report", "digits", "-f", "mine.html")

    assert (answer.exit_code, answer.output) == (0, "mine.html\n")
    assert "<h1>digits</h1>" in (tmp_path / "mine.html").read_text()


@pytest.mark.usefixtures("trials")
def test_submit_leaves_the_experiment_in_the_inbox() -> None:
    answer = kuttab("submit", "-", given=json.dumps(an_experiment_manifest(kind="Process", name="second")))

    (event,) = inbox()
    assert (answer.exit_code, answer.stdout) == (0, "experiment.kubeflow.org/second created\n")
    assert "No runner is at work in .kuttab: `kuttab resume` will see to it." in answer.stderr
    assert isinstance(event, ExperimentCreated)
    assert event.experiment.name == "second"


@pytest.mark.usefixtures("trials")
def test_submit_refuses_a_name_that_is_taken() -> None:
    answer = kuttab("submit", "-", given=json.dumps(an_experiment_manifest(kind="Process")))

    assert answer.exit_code == 2
    assert 'experiments.kubeflow.org "digits" already exists (Succeeded' in answer.stderr
    assert "kuttab delete experiment digits" in answer.stderr
    assert inbox() == []


@pytest.mark.usefixtures("trials")
def test_scale_sends_the_complete_budget() -> None:
    with a_runner_at_work(Path(".kuttab")):
        answer = kuttab("scale", "experiment", "digits", "--max-trials", "9")

    (event,) = inbox()
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert isinstance(event, ExperimentEdited)
    assert (event.budget.max_trial_count, event.budget.parallel_trial_count) == (9, 3)


@pytest.mark.usefixtures("trials")
@pytest.mark.parametrize("words", [("exp", "digits"), ("experiments/digits",), ("experiment.kubeflow.org", "digits")])
def test_stop_and_scale_know_an_experiment_by_every_name_of_its_kind(words: tuple[str, ...]) -> None:
    scaled, stopped = kuttab("scale", *words, "--max-trials", "9"), kuttab("stop", *words)

    assert (scaled.exit_code, scaled.stdout) == (0, "experiment.kubeflow.org/digits scaled\n")
    assert (stopped.exit_code, stopped.stdout) == (0, "experiment.kubeflow.org/digits has ended already\n")


@pytest.mark.usefixtures("trials")
@pytest.mark.parametrize("words", [("experiment",), ("trial", "digits"), ("experiment/digits", "twice"), ("exp/",)])
def test_stop_and_scale_want_one_experiment(words: tuple[str, ...]) -> None:
    assert [kuttab(verb, *words, *more).exit_code for verb, more in (("stop", ()), ("scale", ("--parallel", "1")))] == [
        2,
        2,
    ]


@pytest.mark.usefixtures("trials")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give --max-trials, --parallel or --max-failed"),
        (("--parallel", "7"), "spec.parallelTrialCount: should be less than or equal to spec.maxTrialCount"),
        (("--max-failed", "7"), "spec.maxFailedTrialCount: should be less than or equal to spec.maxTrialCount"),
        (("--max-trials", "0"), "0 is not in the range"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(arguments: tuple[str, ...], message: str) -> None:
    answer = kuttab("scale", "experiment", "digits", *arguments)

    assert answer.exit_code == 2
    assert message in answer.stderr


@pytest.mark.usefixtures("trials")
def test_stopping_what_has_ended_is_no_error() -> None:
    answer = kuttab("stop", "experiment", "digits")

    assert (answer.exit_code, answer.output) == (0, "experiment.kubeflow.org/digits has ended already\n")


@pytest.mark.usefixtures("trials")
def test_delete_works_without_a_runner_and_waits() -> None:
    answer = kuttab("delete", "experiment", "digits")

    assert (answer.exit_code, answer.output) == (0, 'experiment.kubeflow.org "digits" deleted\n')
    assert kuttab("get", "experiments").stdout == ""
    assert kuttab("delete", "experiment", "digits", "--ignore-not-found").exit_code == 0


@pytest.mark.usefixtures("trials")
def test_explain_says_why_an_experiment_is_where_it_is() -> None:
    answer = kuttab("explain", "digits")

    lines = answer.output.splitlines()
    assert answer.exit_code == 0
    assert " ended " in lines[0]
    assert "as Succeeded (ExperimentMaxTrialsReached)" in answer.output
    assert [line.split()[1:3] for line in lines if line.startswith("AGO")] == [["LAST", "EVENTS"]]
    assert kuttab("explain", "nix").exit_code == 1


def test_explain_says_that_no_runner_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fill_directory(tmp_path / ".kuttab", *a_past([0.5], running=1))

    assert kuttab("explain", "digits").output.startswith("No runner is at work in .kuttab: `kuttab resume` goes on")


def test_explain_says_that_the_broker_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fill_directory(tmp_path / ".kuttab", *a_past([0.5], running=1))
    database = f"sqlite+aiosqlite:///{tmp_path / '.kuttab' / 'kuttab.db'}"

    answer = kuttab("explain", "digits", "--broker", "amqp://guest:guest@127.0.0.1:1/", "--database", database)

    assert answer.output.startswith("The broker does not answer (")
    assert "digits has run for" in answer.output


@pytest.mark.parametrize("words", [("explain", "digits"), ("get", "experiments"), ("db", "upgrade")])
def test_a_database_that_does_not_answer_is_named_with_what_to_check_and_without_its_password(
    words: tuple[str, ...],
) -> None:
    url = "mysql+aiomysql://kuttab:s3cret@127.0.0.1:1/kuttab"

    answer = kuttab(*words, "--database", url)

    assert (answer.exit_code, answer.stderr.count("\n")) == (2, 1)
    assert answer.stderr.startswith("error: mysql+aiomysql://kuttab:***@127.0.0.1:1/kuttab: (2003, ")
    assert answer.stderr.endswith("; check that the server runs, and that --database or KUTTAB_DATABASE_URL names it\n")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("kuttab:s3cret@host/kuttab", " is no URL of a database: use one such as mysql+aiomysql://USER:PASSWORD@HOST/"),
        ("mysql+aiomysql://kuttab:s3cret@host:port/kuttab", " is no URL of a database: use one such as mysql+aiomysql"),
        ("mysql://kuttab:s3cret@host/kuttab", ": mysql:// is not supported: use one such as mysql+aiomysql://USER"),
        ("postgresql+asyncpg://kuttab:s3cret@host/kuttab", ": postgresql+asyncpg:// is not supported: use one such as"),
    ],
)
def test_a_url_of_no_database_that_we_know_is_one_line_without_its_password(url: str, words: str) -> None:
    answers = [
        kuttab(*it, "--database", url) for it in (("get", "exp"), ("explain", "x"), ("runner", "--broker", "x:"))
    ]

    assert [(it.exit_code, it.stderr.count("\n"), "s3cret" in it.stderr) for it in answers] == [(2, 1, False)] * 3
    assert all(it.stderr.startswith(f"error: --database (or KUTTAB_DATABASE_URL){words}") for it in answers)


def test_a_database_whose_folder_is_not_there_is_named_with_what_to_check(tmp_path: Path) -> None:
    answer = kuttab("get", "exp", "--database", f"sqlite+aiosqlite:///{tmp_path}/none/kuttab.db")

    words = "unable to open database file; check that its folder is there, and that you may write it"
    assert (answer.exit_code, answer.stderr) == (2, f"error: sqlite+aiosqlite:///{tmp_path}/none/kuttab.db: {words}\n")


def test_a_trial_is_deleted_by_its_name_and_its_number_is_never_used_again(trials: list[Trial]) -> None:
    answer = kuttab("delete", "trial", trials[1].name)

    listed = kuttab("get", "trials", "-o", "name").output.split()
    assert (answer.exit_code, answer.output) == (0, f'trial.kubeflow.org "{trials[1].name}" deleted\n')
    assert listed == [f"trial.kubeflow.org/{trials[0].name}", f"trial.kubeflow.org/{trials[2].name}"]
    assert kuttab("delete", "trial", trials[1].name).exit_code == 1
    assert kuttab("delete", "trial", trials[1].name, "--ignore-not-found").exit_code == 0


@pytest.mark.usefixtures("trials")
def test_suggestions_are_not_deleted_by_themselves() -> None:
    answer = kuttab("delete", "suggestion", "x")

    assert answer.exit_code == 2
    assert "use: kuttab delete experiment NAME" in answer.stderr


@pytest.mark.usefixtures("trials")
def test_a_directory_has_one_runner_at_a_time() -> None:
    manifest = json.dumps(an_experiment_manifest(kind="Process", name="second"))

    with a_runner_at_work(Path(".kuttab")):
        answer = kuttab("run", "-", given=manifest)

    assert (answer.exit_code, answer.stderr) == (2, "error: .kuttab: a runner is at work here (pid 4711)\n")


def test_a_directory_without_a_database_is_named(tmp_path: Path) -> None:
    answers = [kuttab(*it, "--dir", str(tmp_path)) for it in (("get", "trials"), ("resume",), ("logs", "x"))]

    assert {it.exit_code for it in answers} == {2}
    assert all(it.stderr.startswith(f"error: there is no {tmp_path}/kuttab.db") for it in answers)
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "kuttab.db").write_bytes(b"garbage" * 1_000)
    manifest = json.dumps(an_experiment_manifest(kind="Process"))

    answers = [kuttab("get", "exp", "--dir", str(tmp_path)), kuttab("run", "-", "--dir", str(tmp_path), given=manifest)]

    words = "file is not a database; move it away, or begin anew in another --dir"
    expected = (2, f"error: {tmp_path}/kuttab.db: {words}\n")
    assert [(it.exit_code, it.stderr) for it in answers] == [expected, expected]


def test_a_bad_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUTTAB_SLOTS", "many")

    answer = kuttab("get", "exp", "--dir", str(tmp_path))

    assert answer.exit_code == 2
    assert answer.stderr.startswith("error: KUTTAB_SLOTS: 'many'")
