"""Credentials from a kubeconfig's `exec` plugin, as `aws eks get-token` and `gke-gcloud-auth-plugin` are.

lightkube's own knows the protocol's older versions only, tells the plugin nothing, and runs one for each call that
waits for a token.
"""

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster, UserExec
from lightkube.core.exceptions import ConfigError

from infra.target.kubernetes_errors import UNAUTHORIZED

VERSIONS = tuple(f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1"))
PLUGIN_SECONDS = 60.0
"""A plugin asks a cloud's own service; one that hangs must not hang every call to the cluster."""
_EARLY = timedelta(seconds=30)
"""Before a token's end a new one is asked for: the cluster's clock may be ahead of ours."""
_MESSAGE_CHARACTERS = 500


class PluginAuth(httpx2.Auth):
    """Puts the plugin's token on every request; a new one when it has expired or is refused, for all calls together."""

    def __init__(self, config: SingleConfig, plugin: UserExec) -> None:
        self._config = config
        self._plugin = plugin
        self._running = asyncio.Lock()
        self._token = ""
        self._expires_at: datetime | None = None

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Sign the request; once more where the cluster answers 401. Raises ConfigError, OSError."""
        token = await self._take()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == UNAUTHORIZED:
            request.headers["Authorization"] = f"Bearer {await self._take(refused=token)}"
            yield request

    async def _take(self, *, refused: str = "") -> str:
        async with self._running:
            is_old = self._expires_at is not None and datetime.now(UTC) > self._expires_at - _EARLY
            if not self._token or self._token == refused or is_old:
                self._token, self._expires_at = _read(await self._run(), self._plugin.command)
            return self._token

    async def _run(self) -> bytes:
        """Return what the plugin prints."""
        plugin = self._plugin
        if plugin.apiVersion not in VERSIONS:
            raise ConfigError(f"{plugin.command}: exec plugins of {plugin.apiVersion} are not known")
        given = {it.name: it.value for it in plugin.env or []}
        process = await asyncio.create_subprocess_exec(
            self._path(),
            *(plugin.args or []),
            env={**os.environ, **given, "KUBERNETES_EXEC_INFO": _about(plugin.apiVersion, self._config.cluster)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(PLUGIN_SECONDS):
                output, errors = await process.communicate()
        except TimeoutError as error:
            raise ConfigError(f"{plugin.command} did not answer within {PLUGIN_SECONDS:g} s") from error
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode:
            said = " ".join(errors.decode(errors="replace").split())[:_MESSAGE_CHARACTERS]
            raise ConfigError(f"{plugin.command} ended with {process.returncode}: {said}")
        return output

    def _path(self) -> str:
        """Return the command; one with a directory in it is relative to the kubeconfig."""
        command = self._plugin.command
        return str(self._config.abs_file(command)) if os.sep in command else command


def _about(version: str, cluster: Cluster) -> str:
    """Return what a plugin is told: which version to answer in, that nobody can be asked, and for which cluster."""
    it: dict[str, Any] = {"server": cluster.server}
    if cluster.certificate_auth_data:
        it["certificate-authority-data"] = cluster.certificate_auth_data
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False, "cluster": it}})


def _read(output: bytes, command: str) -> tuple[str, datetime | None]:
    """Return token and expiry of an ExecCredential. Raises ConfigError."""
    try:
        status = json.loads(output)["status"]
        token, expiry = status.get("token"), status.get("expirationTimestamp")
        expires_at = datetime.fromisoformat(expiry) if expiry else None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{command} did not print an ExecCredential") from error
    if not token:
        raise ConfigError(f"{command} gave no token: client certificates of plugins are not supported")
    return str(token), expires_at if expires_at is None or expires_at.tzinfo else expires_at.replace(tzinfo=UTC)
