"""An HTTP endpoint of a process Worker: where it is, what it answers, and which of its metrics are wanted."""

import http.client
import re
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from events.objective import MetricsCollectorSpec
from functions.worker import LaunchRefusedError

HOST = "127.0.0.1"
DEFAULT_PORT = 8080
DEFAULT_PATH = "/metrics"
TIMEOUT_SECONDS = 2.0
"""Of one wait: the Worker is on this host, and busy with something else than answering."""
ANSWER_SECONDS = 5.0
"""Of a whole answer, however slowly it drips."""
MAX_ANSWER_BYTES = 4 * 1024 * 1024
_PART_BYTES = 64 * 1024
_HERE = ("", "localhost", HOST)
_OK = 200
_AT = "spec.metricsCollectorSpec.source.httpGet"


class ScrapeError(Exception):
    """The endpoint gave nothing: the message says why. It is no failure of the Worker, which may still be starting."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What `source.httpGet` says, as far as it matters on the Worker's own host."""

    port: int = DEFAULT_PORT
    path: str = DEFAULT_PATH
    is_secure: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


def endpoint_of(collector: MetricsCollectorSpec) -> Endpoint:
    """Read `source.httpGet`. Raises LaunchRefusedError for a host that is not this one."""
    given = (collector.source.http_get if collector.source else None) or {}
    if (host := given.get("host") or "") not in _HERE:
        message = f"{_AT}.host: {host!r}: a process Worker is scraped on its own host, leave it out"
        raise LaunchRefusedError("InvalidEndpoint", message)
    headers = given.get("httpHeaders")
    named = [it for it in headers if isinstance(it, dict)] if isinstance(headers, list) else []
    return Endpoint(
        port=int(str(given.get("port") or DEFAULT_PORT)),
        path=str(given.get("path") or DEFAULT_PATH),
        is_secure=str(given.get("scheme") or "").upper() == "HTTPS",
        headers={str(it.get("name")): str(it.get("value")) for it in named},
    )


def fetch(endpoint: Endpoint, port: int) -> str:
    """Return what the endpoint answers, within bounds of time and size. Raises ScrapeError."""
    connection = _connect(endpoint, port)
    try:
        connection.request("GET", endpoint.path, headers={"Accept": "text/plain", **endpoint.headers})
        response = connection.getresponse()
        if response.status != _OK:
            raise ScrapeError(f"answers {response.status} {response.reason} to GET {endpoint.path}")
        return _read(response).decode(errors="replace")
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ScrapeError(f"does not answer: {said}") from error
    finally:
        connection.close()


def _connect(endpoint: Endpoint, port: int) -> http.client.HTTPConnection:
    if not endpoint.is_secure:
        return http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # as Kubernetes' own probes: the address is this host's
    return http.client.HTTPSConnection(HOST, port, timeout=TIMEOUT_SECONDS, context=context)


def _read(response: http.client.HTTPResponse) -> bytes:
    data, until = bytearray(), time.monotonic() + ANSWER_SECONDS
    while part := response.read1(_PART_BYTES):
        data += part
        if len(data) > MAX_ANSWER_BYTES:
            raise ScrapeError(f"answers with more than {MAX_ANSWER_BYTES} bytes")
        if time.monotonic() > until:
            raise ScrapeError(f"takes more than {ANSWER_SECONDS:g} s to answer")
    return bytes(data)


def wanted_values(text: str, names: Sequence[str]) -> dict[str, tuple[str, float | None]]:
    """Return the wanted metrics of an answer in Prometheus' text format: value, and time where there is one.

    A metric is named as in the answer, with its labels or without: `loss`, or `loss{split="val"}`; without them only
    where it has one series. Raises ScrapeError where the text is none of this format or has none of the metrics.
    """
    from prometheus_client.parser import text_string_to_metric_families

    bases = {re.split(r"[{\s]", name, maxsplit=1)[0] for name in names}
    lines = [line for line in text.splitlines() if any(base in line for base in bases)]
    try:
        families = list(text_string_to_metric_families("\n".join(lines) + "\n"))
    except (ValueError, KeyError, IndexError) as error:
        raise ScrapeError(f"answers with what is not Prometheus' text format: {error}") from error
    found: dict[str, list[tuple[str, float | None]]] = {}
    for sample in (sample for family in families for sample in family.samples):
        value = (repr(float(sample.value)), float(sample.timestamp) if sample.timestamp else None)
        for name in {sample.name, _labelled(sample.name, sample.labels)}:
            found.setdefault(name, []).append(value)
    wanted = {name: found[_normal(name)] for name in names if _normal(name) in found}
    if many := [name for name, values in wanted.items() if len(values) > 1]:
        raise ScrapeError(f"has {len(wanted[many[0]])} series of {many[0]}: name one with its labels")
    if not wanted:
        raise ScrapeError(f"has no metric {' or '.join(names)}")
    return {name: values[0] for name, values in wanted.items()}


def _labelled(name: str, labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"{name}{{{pairs}}}" if pairs else name


def _normal(name: str) -> str:
    """Return a metric's name with its labels in order."""
    base, brace, rest = name.partition("{")
    labels = dict(re.findall(r'(\w+)\s*=\s*"([^"]*)"', rest)) if brace else {}
    return _labelled(base.strip(), labels)
