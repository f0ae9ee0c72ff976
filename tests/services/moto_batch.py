"""AWS in this process: moto's server, whose Batch runs a job's command as a process of this machine."""

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import boto3
from moto.batch.models import Job, JobStatus
from moto.batch_simple.models import BatchSimpleBackend
from moto.core.config import default_user_config
from moto.logs.exceptions import ResourceAlreadyExistsException
from moto.server import ThreadedMotoServer

REGION = "us-east-1"
_KILL_SECONDS = 5.0
"""Between SIGTERM and SIGKILL; on AWS it is 30 seconds."""
_POLL_SECONDS = 0.02
_PLACEHOLDER = "Ref::"
TIMEOUT_REASON = "Job attempt duration exceeded timeout"
"""AWS's own words."""
_RUNNING: set[subprocess.Popen[str]] = set()


@dataclass(frozen=True, slots=True)
class BatchServer:
    """A running server, and what a client in any process needs to reach it."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """Return AWS's standard variables."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",  # pragma: allowlist secret
        }

    def client(self, service: str) -> Any:
        """Return a client of this service."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )


@dataclass(frozen=True, slots=True)
class BatchPlace:
    """Where jobs are submitted to: a queue and a job definition of one name, which nobody else uses."""

    server: BatchServer
    job_queue: str
    job_definition: str


@contextlib.contextmanager
def run_batch_server() -> Iterator[BatchServer]:
    """Start a server on a free port of 127.0.0.1, whose Batch needs no Docker, and stop it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    install()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield BatchServer(f"http://{host}:{port}")
    finally:
        server.stop()
        end_jobs()


def install() -> None:
    """Let every moto server of this process run jobs as processes."""
    default_user_config["batch"] = {"use_docker": False}
    BatchSimpleBackend._mark_job_as_finished = _start


def end_jobs() -> None:
    """End what runs still."""
    for process in list(_RUNNING):
        _end(process)


def make_place(server: BatchServer, **job_definition: object) -> BatchPlace:
    """Make compute environment, queue and job definition; further fields of the latter as RegisterJobDefinition's."""
    name = f"kuttab-{uuid4().hex[:8]}"
    batch = server.client("batch")
    role = _make_role(server, name)
    environment = batch.create_compute_environment(
        computeEnvironmentName=name, type="UNMANAGED", state="ENABLED", serviceRole=role
    )
    order = [{"order": 1, "computeEnvironment": environment["computeEnvironmentArn"]}]
    batch.create_job_queue(jobQueueName=name, state="ENABLED", priority=1, computeEnvironmentOrder=order)
    container = {"image": "busybox", "vcpus": 1, "memory": 128, "command": ["true"]}
    definition = {"jobDefinitionName": name, "type": "container", "containerProperties": container}
    batch.register_job_definition(**{**definition, **job_definition})
    return BatchPlace(server, name, name)


def _make_role(server: BatchServer, name: str) -> str:
    role: str = server.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    return role


def _start(_: BatchSimpleBackend, include_start_attempt: bool, job: Job) -> None:
    """Run the job in a thread of its own; the parent of an array job runs nothing."""
    job.backend._jobs[job.job_id] = job
    if include_start_attempt:
        threading.Thread(target=_Run(job).to_its_end, daemon=True, name=f"batch-{job.job_id}").start()


@dataclass(slots=True)
class _Run:
    """One job on its way: its attempts as its retry strategy says, its log, its end."""

    job: Job

    def to_its_end(self) -> None:
        """Run attempts until one succeeds, a stop or the time limit ends the job, or none is left."""
        job, code = self.job, 1
        retries = job.job_definition.retry_strategy or {}
        for number in range(1, int(retries.get("attempts", 1)) + 1):
            if job.stop:
                break
            code, why = self._attempt(number)
            if code == 0 or why:
                break
        job._mark_stopped(success=code == 0 and not job.stop)

    def _attempt(self, number: int) -> tuple[int, str | None]:
        """Run one attempt; return its exit code as a shell counts, and why it was ended, if it was."""
        job = self.job
        job.log_stream_name = job._stream_name
        job.status = JobStatus.RUNNING
        job.job_started_at = datetime.now()  # noqa: DTZ005 - moto counts in local time
        job._start_attempt()
        process = self._spawn(number)
        reader = threading.Thread(target=self._copy_log, args=(process,), daemon=True)
        reader.start()
        why = self._wait(process)
        code = process.wait()
        _RUNNING.discard(process)
        reader.join(_KILL_SECONDS)
        job.exit_code = code if code >= 0 else 128 - code
        self._note_end(why)
        return code, why

    def _note_end(self, why: str | None) -> None:
        job = self.job
        assert job.latest_attempt is not None
        job.latest_attempt["container"]["exitCode"] = job.exit_code
        job.latest_attempt["container"]["logStreamName"] = job.log_stream_name
        reason = why or "Essential container in task exited"
        job.latest_attempt["statusReason"] = job.job_stopped_reason = reason
        job.job_stopped_at = datetime.now()  # noqa: DTZ005 - moto counts in local time
        job._stop_attempt()

    def _spawn(self, number: int) -> subprocess.Popen[str]:
        job = self.job
        given = job._get_container_property("environment", [])
        environment = {entry["name"]: entry["value"] for entry in given} | {"AWS_BATCH_JOB_ATTEMPT": str(number)}
        command = [_fill(word, job.parameters) for word in job._get_container_property("command", [])]
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        _RUNNING.add(process)
        return process

    def _wait(self, process: subprocess.Popen[str]) -> str | None:
        """Wait for the process, and end it where a stop or the time limit says so; return the reason."""
        job, why = self.job, None
        limit = (job.timeout or job.job_definition.timeout or {}).get("attemptDurationSeconds")
        deadline = time.monotonic() + limit if limit else float("inf")
        while process.poll() is None and why is None:
            if job.stop:
                why = job.job_stopped_reason or "stopped"
            elif time.monotonic() > deadline:
                why = TIMEOUT_REASON
            else:
                time.sleep(_POLL_SECONDS)
        if why is not None:
            _end(process)
        return why

    def _copy_log(self, process: subprocess.Popen[str]) -> None:
        """Put each line into the log stream as it comes, as the awslogs driver does: empty lines are left out."""
        logs, group, stream = self.job._log_backend, self.job._log_group, self.job._stream_name
        with contextlib.suppress(ResourceAlreadyExistsException):
            logs.create_log_group(group, {})
        with contextlib.suppress(ResourceAlreadyExistsException):
            logs.create_log_stream(group, stream)
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                if text := line.rstrip("\n"):
                    logs.put_log_events(group, stream, [{"timestamp": time.time_ns() // 1_000_000, "message": text}])


def _fill(word: str, parameters: Mapping[str, str]) -> str:
    """Replace `Ref::name` by the parameter of this name, as Batch does."""
    return parameters.get(word.removeprefix(_PLACEHOLDER), word) if word.startswith(_PLACEHOLDER) else word


def _end(process: subprocess.Popen[str]) -> None:
    """SIGTERM for the process and its children, then SIGKILL."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_KILL_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
