"""The process behind `kuttab serve`: a socket, the face, and the broker or the inbox that its events go to."""

import asyncio
import ipaddress
import json
import logging
import socket
import ssl
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import click
import uvicorn

from events.envelope import Event
from functions.errors import KuttabError
from functions.trial.placement import REACHED, Placement
from infra.broker.inbox import Inbox
from infra.broker.opening import open_broker
from infra.face.asgi import make_app
from infra.face.commands import Publish
from infra.face.opening import open_face
from infra.face.pace import SystemPace
from infra.settings import Settings, SettingsError
from infra.store.opening import open_engine
from infra.store.schema import require_head
from infra.target.kubernetes_presence import is_cluster_configured
from local_runner.cli.opening import open_runner
from local_runner.deployment import deployment_queues
from local_runner.directory import RunnerDirectory, is_busy

log = logging.getLogger("kuttab.serving")

_GRACE_SECONDS = 3
"""How long open requests may go on when the process is asked to stop; a watch would never end by itself."""


class CertificateError(KuttabError):
    """The certificate or its key cannot be used."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    kubeconfig: Path | None = None

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def url(self, port: int) -> str:
        """Return where clients find the server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{port}"


async def run_face(settings: Settings, address: Address) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with AsyncExitStack() as stack:
        sock = stack.enter_context(_listen(address))
        settings, publish, placement = await _open_place(settings, stack)
        engine = open_engine(settings)
        stack.push_async_callback(engine.dispose)
        await require_head(engine)
        is_open = address.is_loopback and not settings.api_token
        pace = SystemPace()
        respond = open_face(settings, engine, publish, placement=placement, pace=pace, is_open=is_open)
        server = uvicorn.Server(_configure(make_app(respond, is_open=is_open), address))
        pace.asks = lambda: server.should_exit
        _tell(address, sock.getsockname()[1], settings)
        await server.serve(sockets=[sock])


def _listen(address: Address) -> socket.socket:
    """Return the socket. Raises OSError that names the address."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"{address.host}:{address.port}") from error


async def _open_place(settings: Settings, stack: AsyncExitStack) -> tuple[Settings, Publish, Placement]:
    """Open a deployment's broker, or the directory here; return where events go and where Workers run."""
    target = settings.api_target or None
    if target not in {None, *REACHED}:
        raise SettingsError(f"target: {target!r} is none; use one of {', '.join(REACHED)}")
    if settings.broker:
        broker = await open_broker(settings.broker, deployment_queues())
        stack.push_async_callback(broker.close)
        return settings, broker.publish, Placement(target)
    if is_busy(settings.directory):
        log.info(
            "another runner is at work here: it runs what is created", extra={"directory": str(settings.directory)}
        )
    else:
        await stack.enter_async_context(open_runner(settings))
    directory = RunnerDirectory(settings.directory)
    here = replace(settings, database="", secret=settings.secret or directory.secret())
    return here, _leave_in(Inbox(directory.inbox)), Placement(target, has_cluster=is_cluster_configured())


def _leave_in(inbox: Inbox) -> Publish:
    """Return what leaves events for the runner of the directory; each is a file before it counts as published."""

    async def publish(events: Sequence[Event]) -> None:
        for event in events:
            await asyncio.to_thread(inbox.publish, event)

    return publish


def _configure(app: object, address: Address) -> uvicorn.Config:
    """Return the server's configuration. Raises CertificateError."""
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # Starlette's application, which this does not import
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_certfile=address.certificate,
        ssl_keyfile=address.key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise CertificateError(f"{address.certificate}: {error}") from error
    return config


def _tell(address: Address, port: int, settings: Settings) -> None:
    """Say where the server is, and how kubectl finds it."""
    url, option = address.url(port), f"--server {address.url(port)}"
    if address.kubeconfig:
        address.kubeconfig.touch(mode=0o600)
        address.kubeconfig.write_text(_kubeconfig(url, settings.api_token, address.certificate))
        option = f"--kubeconfig {address.kubeconfig}"
    click.echo(f"Kuttab's API is at {url}")
    click.echo(f"kubectl {option} get experiments")


def _kubeconfig(url: str, token: str, certificate: Path | None) -> str:
    """Return a kubeconfig, which may be JSON, with one server and one user; the certificate is its own authority."""
    trusted = {"certificate-authority": str(certificate.absolute())} if certificate else {}
    context = {"cluster": "kuttab", "user": "kuttab", "namespace": "default"}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "kuttab", "cluster": {"server": url, **trusted}}],
            "users": [{"name": "kuttab", "user": {"token": token} if token else {}}],
            "contexts": [{"name": "kuttab", "context": context}],
            "current-context": "kuttab",
        },
        indent=2,
    )
