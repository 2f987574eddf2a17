"""What the API server is shown: the newest certificate, from the next connection on."""

import asyncio
import ssl
import tempfile
from pathlib import Path

CERTIFICATE_FILE = "tls.crt"
KEY_FILE = "tls.key"


class ServedCertificate:
    """A TLS context for a listener that stays the same while certificates change in it."""

    def __init__(self) -> None:
        self.context = _context()
        self.context.sni_callback = self._choose  # also called for clients that name no server
        self.in_use = asyncio.Event()
        """Set once there is one."""

        self._newest: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        return f"<ServedCertificate {'in use' if self._newest else 'none yet'}>"

    def use(self, certificate: bytes, key: bytes) -> None:
        """Show this one from now on. Raises OSError when the two do not belong together."""
        newest = _context()
        # The ssl module reads keys from files only.
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            (directory / CERTIFICATE_FILE).write_bytes(certificate)
            (directory / KEY_FILE).write_bytes(key)
            newest.load_cert_chain(directory / CERTIFICATE_FILE, directory / KEY_FILE)
        self._newest = newest
        self.in_use.set()

    def _choose(
        self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> int | None:
        if self._newest is None:
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        connection.context = self._newest
        return None


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
