"""Lambda's Runtime API (2018-06-01) on 127.0.0.1, with AWS's own bootstrap, awslambdaric, in a process below it."""

import importlib.metadata
import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

INIT_SECONDS = 60.0
"""Lambda allows ten; these tests share two cores with others."""
_BOOTSTRAP = ("awslambdaric", "simplejson", "snapshot-restore-py")
_TICK = os.sysconf("SC_CLK_TCK")


class FunctionError(Exception):
    """The function raised, ended, or took too long."""


def link_bootstrap(folder: Path) -> Path:
    """Make a folder that holds the bootstrap and nothing else of this environment."""
    for name in _BOOTSTRAP:
        distribution = importlib.metadata.distribution(name)
        tops = {path.parts[0] for path in distribution.files or () if path.parts[0] != ".."}
        for top in tops:
            link = folder / top
            if not link.exists() and top != "__pycache__":
                link.symlink_to(Path(str(distribution.locate_file(top))))
    return folder


class LambdaProcess:
    """One sandbox of a function, booted from its build: cold at the first call, warm afterwards."""

    def __init__(
        self, handler: str, code: Sequence[Path], environment: Mapping[str, str], *, timeout_seconds: float
    ) -> None:
        """`code` is where the function lies, then its layers, then the bootstrap."""
        self._timeout_seconds = timeout_seconds
        self._waiting: queue.Queue[tuple[str, bytes] | None] = queue.Queue()
        self._answers: dict[str, queue.Queue[tuple[bool, bytes]]] = {}
        self._lock = threading.Lock()
        self._init_error = b""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("RuntimeApi", (_RuntimeApi,), {"owner": self}))
        self._server.daemon_threads = True
        self._server.handle_error = _ignore  # type: ignore[method-assign]  # the connections of killed sandboxes
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        name = handler.rpartition(".")[0]
        own = {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": os.pathsep.join(map(str, code)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_LOG_GROUP_NAME": "local",
            "AWS_LAMBDA_LOG_STREAM_NAME": name,
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "LAMBDA_TASK_ROOT": str(code[0]),
            "_HANDLER": handler,
        }
        # -S: nothing of this environment's site-packages is on the path, as nothing is in Lambda.
        command = [sys.executable, "-S", "-m", "awslambdaric", handler]
        self._process = subprocess.Popen(
            command,
            cwd=code[0],
            env={**environment, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.log: list[str] = []
        threading.Thread(target=self._copy_log, daemon=True).start()

    def invoke(self, payload: Mapping[str, Any]) -> Any:
        """Call the function, one call at a time. Raises FunctionError."""
        with self._lock:
            identity = str(uuid.uuid4())
            answers = self._answers[identity] = queue.Queue()
            self._waiting.put((identity, json.dumps(payload).encode()))
            is_error, body = self._wait(answers)
            del self._answers[identity]
        if is_error:
            raise FunctionError(body.decode())
        return json.loads(body)

    @property
    def cpu_seconds(self) -> float:
        """What the process has used so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def close(self) -> None:
        """End the sandbox."""
        self._process.kill()
        self._process.wait()
        self._waiting.put(None)
        self._server.shutdown()
        self._server.server_close()

    def _wait(self, answers: "queue.Queue[tuple[bool, bytes]]") -> tuple[bool, bytes]:
        until = time.monotonic() + INIT_SECONDS + self._timeout_seconds
        while time.monotonic() < until:
            try:
                return answers.get(timeout=0.05)
            except queue.Empty:
                if self._process.poll() is not None:
                    break
        raise FunctionError(f"no answer: {self._init_error.decode()} {' '.join(self.log[-20:])}")

    def _copy_log(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            self.log.extend(line.rstrip("\n") for line in lines)


def _ignore(*_: object) -> None:
    pass


class _RuntimeApi(BaseHTTPRequestHandler):
    """What the bootstrap asks for its next event and tells its answer."""

    owner: LambdaProcess
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one write an answer: with several, delayed acknowledgements cost 80 ms

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        pass

    def do_GET(self) -> None:
        item = self.owner._waiting.get()
        if item is not None:
            deadline = int((time.time() + self.owner._timeout_seconds) * 1_000)
            about = {
                "Lambda-Runtime-Aws-Request-Id": item[0],
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:local",
                "Lambda-Runtime-Trace-Id": "Root=1-0-0;Sampled=0",
                "Content-Type": "application/json",
            }
            self._answer(200, item[1], about)

    def do_POST(self) -> None:
        body = self._read()
        *_, identity, kind = self.path.split("/")
        if self.path.endswith("/init/error"):
            self.owner._init_error = body
        elif identity in self.owner._answers:
            self.owner._answers[identity].put((kind == "error", body))
        self._answer(202, b"{}", {})

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
