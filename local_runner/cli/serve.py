"""`kuttab serve`: the HTTP API, for kubectl, the Katib SDK and whatever else speaks Kubernetes."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from local_runner.cli.deploying import serve
from local_runner.cli.options import directory_option

if TYPE_CHECKING:
    from local_runner.serving import Address


@click.command()
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="Where to listen; 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8080, metavar="PORT", help="8080; 0 takes a free one.")
@click.option("--certificate", type=click.Path(path_type=Path), metavar="FILE", help="Serve HTTPS with this (PEM).")
@click.option("--key", type=click.Path(path_type=Path), metavar="FILE", help="The certificate's key, if apart.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), metavar="FILE", help="Write a kubeconfig for clients.")
@click.option("--target", metavar="KIND", help="Where Workers run: process, kubernetes, batch or external.")
@click.option("--slots", type=click.IntRange(1, 10_000), metavar="N", help="Workers that may run here at a time.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
@directory_option
def command(
    *,
    host: str,
    port: int,
    certificate: Path | None,
    key: Path | None,
    kubeconfig: Path | None,
    target: str | None,
    slots: int | None,
    log_level: str,
    directory: Path | None,
) -> None:
    """Serve Experiments, Trials and Suggestions as Kubernetes does, until SIGTERM or Ctrl-C.

    With --broker and --database it is the API of a deployment. Without them it is that of this directory, and runs
    what is created there, unless another runner is at work in it. KUTTAB_API_TOKEN is the token that callers show.
    """
    from local_runner.cli.opening import load_settings
    from local_runner.serving import Address, run_face

    settings = load_settings(directory, slots=slots, api_target=target)
    address = Address(host, port, certificate, key, kubeconfig)
    _require_token(settings.api_token, address)
    serve(run_face(settings, address), log_level)


def _require_token(token: str, address: "Address") -> None:
    """Refuse to let everybody in who can reach this machine. Raises CommandError."""
    from local_runner.cli.errors import CommandError

    if not token and not address.is_loopback:
        message = f"error: {address.host} can be reached from elsewhere: set KUTTAB_API_TOKEN to what callers show"
        raise CommandError(message)
