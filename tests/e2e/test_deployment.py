"""Two runners, a clock, RabbitMQ and MariaDB: a runner is killed and both servers restart, and nothing is lost."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.e2e.deployment import ROOT, Deployment
from tests.services.mariadb import MariaDB
from tests.services.rabbitmq import RabbitMQServer

TRIALS = 12


Servers = tuple[RabbitMQServer, MariaDB]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with ExitStack() as stack:
        rabbitmq = RabbitMQServer.install(tmp_path_factory.mktemp("rabbitmq"))
        stack.callback(rabbitmq.close)
        mariadb = MariaDB()
        stack.callback(mariadb.remove)
        rabbitmq.start()
        mariadb.start()
        yield rabbitmq, mariadb


@pytest.fixture
def deployment(servers: Servers, tmp_path: Path) -> Iterator[Deployment]:
    rabbitmq, mariadb = servers
    with mariadb.database() as url:
        deployed = Deployment(tmp_path, rabbitmq, mariadb, url)
        yield deployed
        deployed.close()


def a_digits_experiment(folder: Path) -> Path:
    """Write the digits Experiment with Workers that note each of their starts."""
    resource = yaml.safe_load((ROOT / "examples" / "digits.yaml").read_text())
    resource["metadata"]["name"] = "digits"
    resource["spec"]["maxTrialCount"] = TRIALS
    resource["spec"]["parallelTrialCount"] = 3
    worker = resource["spec"]["trialTemplate"]["trialSpec"]["spec"]
    script = 'echo "$KUTTAB_TRIAL_NAME $KUTTAB_ATTEMPT" >> "$STARTS"; exec "$@"'
    worker["command"] = ["/bin/sh", "-c", script, "worker", *worker["command"]]
    environment = worker.setdefault("env", [])
    environment.append({"name": "STARTS", "value": str(folder / "starts")})
    path = folder / "digits.yaml"
    path.write_text(yaml.safe_dump(resource))
    return path


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_killed_runner_and_restarted_servers_lose_nothing(deployment: Deployment, tmp_path: Path) -> None:
    victim = _begin(deployment)
    deployment.kuttab("submit", str(a_digits_experiment(tmp_path)))
    starts = tmp_path / "starts"
    deployment.wait(starts.exists, seconds=60, why="a Worker starts")
    deployment.wait(lambda: len(starts.read_text().splitlines()) >= 4, seconds=60, why="Workers start")

    victim.kill()
    victim.wait()
    deployment.rabbitmq.stop()
    deployment.mariadb.stop()
    deployment.mariadb.start()
    deployment.rabbitmq.start()
    deployment.start("runner", "--slots", "2", "--host", "a", name="runner-a")

    def has_ended() -> bool:
        conditions = deployment.experiment("digits")["status"]["conditions"]
        return any(it["type"] in {"Succeeded", "Failed"} and it["status"] == "True" for it in conditions)

    deployment.wait(has_ended, seconds=240, why="the Experiment ends")
    status = deployment.experiment("digits")["status"]
    begun = Counter(starts.read_text().splitlines())
    assert status["trials"] == TRIALS
    assert status["trialsSucceeded"] == TRIALS
    assert max(begun.values()) == 1, f"an attempt was run twice: {begun}"
    assert len({line.split()[0] for line in begun}) == TRIALS
    assert _dead_letters(deployment) == 0


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_what_cannot_work_is_refused_in_one_line(deployment: Deployment) -> None:
    wrong = deployment.rabbitmq.url.replace("guest:guest", "guest:wrong")
    weak = deployment.rabbitmq.url.replace("guest:guest", "weak:weak")
    deployment.rabbitmq.control("add_user", "weak", "weak")
    deployment.rabbitmq.control("set_permissions", "weak", "^$", "^$", ".*")
    here = ("--dir", str(deployment.directory / "refused"))

    lines = [deployment.refusal("runner", *here)]
    deployment.kuttab("db", "upgrade")
    lines.append(deployment.refusal("runner", *here, "--broker", wrong))
    lines.append(deployment.refusal("runner", *here, "--broker", weak))
    lines.append(deployment.refusal("submit", "examples/quadratic.yaml", "--broker", wrong))
    database = deployment.database_url.replace(":kuttab@", ":wrong@")
    lines.append(deployment.refusal("runner", *here, "--database", database))

    reasons = (
        "kuttab db upgrade",
        "refuses this user",
        "refused for user 'weak'",
        "refuses this user",
        "Access denied",
    )
    assert [line.count("\n") for line in lines] == [1] * len(lines)
    assert [reason for reason, line in zip(reasons, lines, strict=True) if reason not in line] == []
    assert not any("wrong" in line or "weak:weak" in line for line in lines)


def _begin(deployment: Deployment) -> subprocess.Popen[bytes]:
    """Start two runners and a clock, and return the runner that is to die."""
    deployment.kuttab("db", "upgrade")
    victim = deployment.start("runner", "--slots", "2", "--host", "a", name="runner-a")
    deployment.start("runner", "--slots", "2", "--host", "b", name="runner-b")
    deployment.start("clock", name="clock")
    deployment.wait(lambda: "is at work" in deployment.log("runner-b"), seconds=60, why="runner b starts")
    return victim


def _dead_letters(deployment: Deployment) -> int:
    """Count the messages in dead-letter queues."""
    rows = deployment.rabbitmq.control("list_queues", "--silent", "name", "messages").splitlines()
    return sum(int(row.split()[1]) for row in rows if "dead" in row)
