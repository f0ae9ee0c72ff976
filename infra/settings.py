"""Settings: one frozen value, read once and passed on; every bound has its unit in its name."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Self

from events.trial import TargetKind
from functions.catalog import LABEL_COUNT
from functions.errors import KuttabError
from functions.limits import Limits

RUNNER_TARGETS = (TargetKind.PROCESS, TargetKind.KUBERNETES, TargetKind.BATCH)
"""Where a runner can launch Workers."""


class SettingsError(KuttabError):
    """A setting cannot be read: the message names the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one process needs to know; the environment's names are KUTTAB_ and the field's in capitals."""

    directory: Path = Path(".kuttab")
    """Where an embedded runner keeps its database, its Workers' files and its inbox."""
    slots: int = 64
    """Process Workers at a time on this host; in one process `parallelTrialCount` is what matters."""
    supervise_seconds: float = 0.25
    """Between two looks at the local Workers: a finished Trial waits this long at most for its successor."""
    tick_seconds: float = 1.0
    """Between two ticks of the local clock."""
    batch_count: int = 64
    """Messages of one batch of store-only handlers: enough for a group to share its transaction."""
    concurrency: int = 16
    """Handlers with steps outside of transactions that run side by side."""
    broker: str = field(default="", metadata={"variable": "KUTTAB_BROKER_URL"})
    """A deployment's, `amqp://user:password@host/` or `sqs://?region=…`; empty means one process with its own."""
    database: str = field(default="", metadata={"variable": "KUTTAB_DATABASE_URL"})
    """The database of a deployment, such as `mysql+aiomysql://user:password@host/kuttab`; empty means a file here."""
    database_secret: str = ""
    """An AWS Secrets Manager secret with the database's `username` and `password`; the URL then names neither."""
    database_ca: str = ""
    """A file of certificate authorities: connections are encrypted and the server's name is checked. Empty: neither."""
    host: str = ""
    """The name under which this host claims Trials; empty means one that is kept in the directory."""
    labels: tuple[str, ...] = ()
    """What this host is good for, as `key=value`: a Trial asks for some of them by its `runnerSelector`."""
    targets: tuple[str, ...] = ("process",)
    """Whose launches a `kuttab runner` takes: `process`, `kubernetes`, `batch`. Looks and stops are done for all."""
    image: str = ""
    """Kuttab's own image, as a cluster pulls it: what collects a Kubernetes Worker's files, events and endpoint."""
    eks_cluster: str = ""
    """The EKS cluster of this name, reached with AWS's credentials; empty: a pod's service account or a kubeconfig."""
    health_port: int = 0
    """Where a long-lived process answers `GET /healthz` on 127.0.0.1; 0 means nowhere."""
    stop_seconds: float = 30.0
    """How long a process that was asked to stop may finish what it has in hand."""
    secret: str = ""
    """What a deployment signs its Workers' tokens with; without it anybody who can publish may push for any Trial."""
    push_broker: str = field(default="", metadata={"variable": "KUTTAB_PUSH_BROKER_URL"})
    """The broker as Workers that push are told of it, such as with a user that may only publish; empty is the same."""
    api_token: str = ""
    """The bearer token of the HTTP API; without one it is served on the loopback interface only."""
    api_target: str = ""
    """Where Workers of Experiments run that come by the HTTP API; empty: as the template's kind says."""
    webhooks: tuple[str, ...] = ()
    """URLs that are told when an Experiment ends."""
    host_silence_seconds: float = 30.0
    """A host that is silent for two of these is lost, and its Trials begin anew elsewhere."""
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ, **overrides: object) -> Self:
        """Read the environment, then the overrides that are not None. Raises SettingsError."""
        found: dict[str, object] = {}
        for setting in fields(cls):
            variable = setting.metadata.get("variable", f"KUTTAB_{setting.name.upper()}")
            text = environment.get(variable)
            if text is not None and setting.name != "limits":
                found[setting.name] = _parse(variable, text, type(getattr(cls(), setting.name)))
        found |= {name: value for name, value in overrides.items() if value is not None}
        settings = replace(cls(), **found)  # type: ignore[arg-type]  # the fields' types are checked by _parse
        limits = replace(settings.limits, host_silence_seconds=settings.host_silence_seconds)
        return replace(settings, limits=limits)

    @property
    def label_map(self) -> dict[str, str]:
        """The labels as a mapping. Raises SettingsError."""
        pairs = [label.partition("=") for label in self.labels]
        if bad := [key for key, equals, _ in pairs if not key or not equals]:
            message = f"labels: {bad[0]!r} is not key=value"
            raise SettingsError(message)
        if len(pairs) > LABEL_COUNT:
            raise SettingsError(f"labels: a host has at most {LABEL_COUNT}, not {len(pairs)}")
        return {key: value for key, _, value in pairs}

    @property
    def target_kinds(self) -> tuple[TargetKind, ...]:
        """The targets whose launches are taken here. Raises SettingsError."""
        if bad := [name for name in self.targets if name not in RUNNER_TARGETS]:
            raise SettingsError(f"targets: {bad[0]!r} is none that a runner launches on: {', '.join(RUNNER_TARGETS)}")
        return tuple(TargetKind(name) for name in self.targets)

    @property
    def database_url(self) -> str:
        """The database: a deployment's, or the file of this directory."""
        return self.database or f"sqlite+aiosqlite:///{self.directory / 'kuttab.db'}"


def _parse(variable: str, text: str, kind: type) -> object:
    if kind is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    try:
        return kind(text)
    except ValueError as error:
        message = f"{variable}: {text!r} is not a {kind.__name__}"
        raise SettingsError(message) from error
