"""The TLS port: clients, versions, and certificates that change."""

import http.client
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.integration.programs import (
    REPOSITORY,
    RunningSidecar,
    sidecar,
    sidecar_settings,
    sleeper,
    takes_connections,
    wait_until,
)
from tests.ports import free_port

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]

HOST = "127.0.0.1"
RSA = ("-newkey", "rsa:2048")
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


def make_certificate(directory: Path, kind: tuple[str, ...], name: str) -> None:
    """Make a certificate for `name`; its two files appear one after the other."""
    directory.mkdir(exist_ok=True)
    files = ("-keyout", str(directory / "new.key"), "-out", str(directory / "new.crt"))
    subject = ("-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{HOST}")
    command = ("openssl", "req", "-x509", "-nodes", "-days", "1", *kind, *files, *subject)
    subprocess.run(command, check=True, capture_output=True)
    (directory / "new.key").rename(directory / "tls.key")
    (directory / "new.crt").rename(directory / "tls.crt")


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    make_certificate(tmp_path / "certs", RSA, "first")
    return tmp_path / "certs"


@contextmanager
def serving(
    certificates: Path, least_version: str = "1.3", container_concurrency: int = 0
) -> Iterator[RunningSidecar]:
    with (
        sleeper(port := free_port()),
        sidecar(
            port,
            container_concurrency=container_concurrency,
            INFLIGHT_CERTIFICATE_DIRECTORY=str(certificates),
            QUEUE_PROXY_TLS_MIN_VERSION=least_version,
        ) as proxy,
    ):
        wait_until(lambda: takes_connections(port), "the model listens")
        yield proxy


def trusting(certificates: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificates / "tls.crt")


def connection(
    proxy: RunningSidecar, context: ssl.SSLContext
) -> closing[http.client.HTTPSConnection]:
    return closing(http.client.HTTPSConnection(HOST, proxy.tls_port, context=context, timeout=60))


def shown_name(proxy: RunningSidecar) -> str:
    """Return whose certificate a client is shown that names no server and trusts anybody."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((HOST, proxy.tls_port), timeout=60) as plain,
        context.wrap_socket(plain) as client,
    ):
        certificate = client.getpeercert(binary_form=True)
    assert certificate is not None
    return "second" if b"second" in certificate else "first"


def test_requests_come_over_tls_and_the_plain_port_stays_open(certificates: Path) -> None:
    with serving(certificates) as proxy, connection(proxy, trusting(certificates)) as client:
        for _ in range(3):  # on one connection
            client.request("POST", "/?sleep=1", body=b"x" * 300_000)
            answer = client.getresponse()
            assert (answer.status, answer.read()[:1]) == (200, b"{")
        assert proxy.metric('inflight_requests_total{code="200"}') == 3
        assert takes_connections(proxy.serving_port)


def test_refusal_in_mid_upload_arrives_over_tls(certificates: Path) -> None:
    context = trusting(certificates)
    with (
        serving(certificates, container_concurrency=1) as proxy,
        connection(proxy, context) as running,
        connection(proxy, context) as client,
    ):
        running.request("GET", "/?sleep=20000")
        wait_until(lambda: proxy.metric("inflight_requests_in_flight") == 1, "it runs")
        client.request("POST", "/", body=bytes(8_000_000), headers={"Inflight-Queue": "0"})
        assert client.getresponse().status == 429


def test_answer_to_an_old_client_ends_with_its_connection(certificates: Path) -> None:
    with (
        serving(certificates) as proxy,
        socket.create_connection((HOST, proxy.tls_port), timeout=60) as plain,
        trusting(certificates).wrap_socket(plain, server_hostname=HOST) as client,
    ):
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while data := client.recv(65_536):  # raises if the end is not TLS's own
            answer += data
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_client_that_leaves_is_noticed_over_tls(certificates: Path) -> None:
    with serving(certificates) as proxy, connection(proxy, trusting(certificates)) as client:
        client.request("GET", "/?sleep=20000")
        wait_until(lambda: proxy.metric("inflight_requests_in_flight") == 1, "it runs")
        client.close()
        wait_until(lambda: proxy.metric('inflight_requests_total{code="499"}') == 1, "it left")


def test_only_the_newest_version_is_spoken_unless_an_older_is_allowed(certificates: Path) -> None:
    context = trusting(certificates)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        serving(certificates) as proxy,
        connection(proxy, context) as client,
        pytest.raises(ssl.SSLError),
    ):
        client.connect()
    with (
        serving(certificates, least_version="1.2") as proxy,
        connection(proxy, context) as client,
    ):
        client.connect()


@pytest.mark.slow
def test_changed_certificate_is_shown_without_a_restart(certificates: Path) -> None:
    with serving(certificates) as proxy, connection(proxy, trusting(certificates)) as kept:
        kept.connect()
        assert shown_name(proxy) == "first"
        (certificates / "tls.crt").write_text("half a certificate")
        make_certificate(certificates, CURVE, "second")  # of another kind: OpenSSL keeps one each
        wait_until(lambda: shown_name(proxy) == "second", "the new certificate is shown")
        kept.request("GET", "/")  # who is connected stays so
        assert kept.getresponse().status == 200
        (certificates / "tls.key").write_text("no key")
        time.sleep(6)  # until it has been looked at
        assert shown_name(proxy) == "second"


def test_certificate_that_cannot_be_used_is_named_and_ends_with_78(certificates: Path) -> None:
    (certificates / "tls.key").write_text("no key")
    settings = sidecar_settings(free_port(), 1)
    settings["INFLIGHT_CERTIFICATE_DIRECTORY"] = str(certificates)
    ended = subprocess.run(
        [sys.executable, "-m", "queueproxy"],
        cwd=REPOSITORY,
        env=settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 78
    assert f"INFLIGHT_CERTIFICATE_DIRECTORY: '{certificates}'; expected" in ended.stderr


def test_no_certificate_no_port() -> None:
    with sidecar(free_port(), container_concurrency=1) as proxy:
        assert not takes_connections(proxy.tls_port)
