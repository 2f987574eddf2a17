"""TLS with a certificate that changes under those who connect."""

import asyncio
import datetime as dt
import ssl

import pytest

from controller.certificate import Credentials, keep_fresh
from controller.served_certificate import ServedCertificate

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

_NAME = "webhook.shop.svc"
_CLIENTS = 8


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()


async def _shown_to_client(port: int, trusted: ssl.SSLContext) -> bytes:
    """Connect, be answered, and return the certificate that was shown."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=trusted, server_hostname=_NAME
    )
    writer.write(b"hello\n")
    assert await reader.readline() == b"hello\n"
    shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return shown


def _der(credentials: Credentials) -> bytes:
    return ssl.PEM_cert_to_DER_cert(credentials.certificate.decode())


async def test_nobody_who_connects_notices_a_change() -> None:
    now = dt.datetime.now(dt.UTC)
    made = [keep_fresh(None, [_NAME], now) for _ in range(5)]
    trusted = ssl.create_default_context(cadata="".join(it.authorities.decode() for it in made))
    served = ServedCertificate()
    served.use(made[0].certificate, made[0].key)
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, ssl=served.context)
    port = server.sockets[0].getsockname()[1]
    async with server:
        for newest in made:
            async with asyncio.TaskGroup() as clients:
                shown = [
                    clients.create_task(_shown_to_client(port, trusted)) for _ in range(_CLIENTS)
                ]
                await asyncio.sleep(0)  # they are on their way
                served.use(newest.certificate, newest.key)
            assert {it.result() for it in shown} <= {_der(it) for it in made}
            assert await _shown_to_client(port, trusted) == _der(newest)


async def test_a_key_of_another_certificate_changes_nothing() -> None:
    now = dt.datetime.now(dt.UTC)
    one, other = (keep_fresh(None, [_NAME], now) for _ in range(2))
    served = ServedCertificate()
    served.use(one.certificate, one.key)
    with pytest.raises(OSError, match="KEY_VALUES_MISMATCH"):
        served.use(other.certificate, one.key)
    trusted = ssl.create_default_context(cadata=one.authorities.decode())
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, ssl=served.context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await _shown_to_client(port, trusted) == _der(one)
