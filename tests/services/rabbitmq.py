"""A private RabbitMQ: own ports, own epmd, own directory; nothing of it outlives the tests."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.services.install import ensure

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Not the one in /usr/sbin: that one changes to the user of the system-wide server."""
CONTROL = SERVER.with_name("rabbitmqctl")
START_SECONDS = 90.0
STOP_SECONDS = 30.0
_PORTS = range(20_000, 30_000, 10)
"""Below the ephemeral range: a restart must find its ports free."""
_PORT_COUNT = 3

_CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{port}
loopback_users = none
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
log.file.level = warning
"""

_VHOST_COUNT = 20
"""Made at a time: each rabbitmqctl starts an Erlang of its own, which takes longer than twenty virtual hosts."""
_ADD_VHOSTS = """
lists:foreach(fun(Name) ->
    ok = rabbit_vhost:add(Name, <<"test">>),
    ok = rabbit_auth_backend_internal:set_permissions(<<"guest">>, Name, <<".*">>, <<".*">>, <<".*">>, <<"test">>)
end, [{names}]).
"""


class RabbitMQServer:
    """Start it, stop it and start it again on the same data."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.port = _free_port()
        self._vhosts: list[str] = []
        self._used: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        (directory / "rabbitmq.conf").write_text(_CONFIGURATION.format(port=self.port))
        (directory / "enabled_plugins").write_text("[].\n")

    @classmethod
    def install(cls, directory: Path) -> Self:
        """Return a server that can be started. Raises ServiceMissingError."""
        ensure(["rabbitmq-server"], [SERVER])
        return cls(directory)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Return when it speaks AMQP."""
        with (self._directory / "out.log").open("ab") as log:
            self._process = subprocess.Popen(
                [SERVER],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"RabbitMQ did not start: {self._last_words()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it and keep its data."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would, and keep its data."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """Stop it for good, its epmd too."""
        self.stop()
        subprocess.run(["epmd", "-kill"], env=self._environment(), capture_output=True, check=False)

    def fresh_url(self) -> str:
        """Return the URL of an empty virtual host that nobody has used."""
        if not self._vhosts:
            batch = f"{len(self._used):03}"
            names = [f"test{batch}x{index}" for index in range(_VHOST_COUNT)]
            self.control("eval", _ADD_VHOSTS.format(names=", ".join(f'<<"{name}">>' for name in names)))
            self._vhosts = names
        self._used.append(self._vhosts.pop())
        return self.url + self._used[-1]

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl and return what it says."""
        command = [str(CONTROL), "--quiet", *arguments]
        done = subprocess.run(command, env=self._environment(), capture_output=True, text=True, check=True, timeout=60)
        return done.stdout

    def _end(self, with_signal: signal.Signals) -> None:
        if self._process is None:
            return
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((self._directory / "pid").read_text()), with_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.settimeout(2)
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    def _last_words(self) -> str:
        return (self._directory / "out.log").read_text(errors="replace")[-2_000:]

    def _environment(self) -> dict[str, str]:
        here = self._directory
        rabbitmq = {
            "NODENAME": f"kuttab{self.port}@localhost",
            "NODE_IP_ADDRESS": "127.0.0.1",
            "NODE_PORT": str(self.port),
            "DIST_PORT": str(self.port + 1),
            "MNESIA_BASE": str(here / "mnesia"),
            "LOG_BASE": str(here / "log"),
            "CONFIG_FILE": str(here / "rabbitmq"),
            "ENABLED_PLUGINS_FILE": str(here / "enabled_plugins"),
            "PID_FILE": str(here / "pid"),
            "CONF_ENV_FILE": os.devnull,
            "SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
        }
        erlang = {"ERL_EPMD_PORT": str(self.port + 2), "ERL_EPMD_ADDRESS": "127.0.0.1", "HOME": str(here)}
        return {**os.environ, **erlang, **{f"RABBITMQ_{name}": value for name, value in rabbitmq.items()}}


def _free_port() -> int:
    """Return the first of three neighbouring ports that nobody listens on."""
    for first in random.sample(_PORTS, len(_PORTS)):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + _PORT_COUNT):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise RuntimeError("no free ports for RabbitMQ")
