"""Connections with a certificate authority of one's own, and what they ask of a database proxy."""

import contextlib
import datetime as dt
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from infra.settings import Settings
from infra.store.opening import one_line, open_engine
from tests.services.mariadb import LOCAL, PASSWORD, USER, MariaDB

pytestmark = pytest.mark.slow

DAY = dt.timedelta(days=1)
TRACKED = {"SET AUTOCOMMIT = 0", "SET NAMES utf8mb4", "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"}


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates of servers."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def write(self, path: Path) -> Path:
        """Write what clients know it by."""
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return path


def an_authority() -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    return Authority(key, _sign("authority", key, by=None, usage=x509.BasicConstraints(ca=True, path_length=0)))


def _sign(
    name: str, key: ec.EllipticCurvePrivateKey, *, by: Authority | None, usage: x509.ExtensionType
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    signer = by.key if by else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(usage, critical=by is None)
    )
    return builder.sign(signer, hashes.SHA256())


@pytest.fixture(scope="module")
def authority() -> Authority:
    return an_authority()


@pytest.fixture(scope="module")
def server(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """Start a server that this authority has signed, and that takes no connection in the clear."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOCAL))])
    certificate = _sign("server", key, by=authority, usage=address)
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.TraditionalOpenSSL
    clear = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, clear))
    started = MariaDB(f"--ssl-cert={folder / 'cert.pem'}", f"--ssl-key={folder / 'key.pem'}")
    started.start()
    started.execute(f"ALTER USER {USER}@'{LOCAL}' REQUIRE SSL")
    yield started
    started.remove()


def _url(server: MariaDB) -> str:
    return f"mysql+aiomysql://{USER}:{PASSWORD}@{LOCAL}:{server.port}/mysql"


async def _cipher(settings: Settings) -> str:
    engine = open_engine(settings)
    try:
        async with engine.connect() as connection:
            row = (await connection.execute(text("SHOW STATUS LIKE 'Ssl_cipher'"))).one()
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            writer = driver._writer
    finally:
        await engine.dispose()
    # TLS says goodbye after the driver's close has returned, unless the server was faster and has hung up.
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        await writer.wait_closed()
    return str(row[1])


async def test_a_server_of_the_named_authority_is_reached_encrypted(
    server: MariaDB, authority: Authority, tmp_path: Path
) -> None:
    ca = authority.write(tmp_path / "ca.pem")

    assert await _cipher(Settings(database=_url(server), database_ca=str(ca)))


async def test_a_server_of_another_authority_is_refused(server: MariaDB, tmp_path: Path) -> None:
    ca = an_authority().write(tmp_path / "other.pem")

    with pytest.raises(OperationalError) as refused:
        await _cipher(Settings(database=_url(server), database_ca=str(ca)))
    assert "certificate verify failed" in one_line(refused.value)


async def test_a_connection_sets_nothing_but_what_a_proxy_keeps_track_of(
    server: MariaDB, authority: Authority, tmp_path: Path
) -> None:
    ca = authority.write(tmp_path / "ca.pem")
    log = tmp_path / "general.log"
    server.execute(f"SET GLOBAL general_log_file = '{log}'")
    server.execute("SET GLOBAL general_log = 1")

    await _cipher(Settings(database=_url(server), database_ca=str(ca)))

    server.execute("SET GLOBAL general_log = 0")
    said = {line.partition("Query\t")[2] for line in log.read_text().splitlines() if "Query\tSET" in line}
    assert {it for it in said if "general_log" not in it} == TRACKED
