"""The certificate of the TLS port, read again whenever its files change.

Each connection takes the newest one. A context for all would not do: after a change from RSA to
an elliptic curve OpenSSL would hold both and go on offering the old one.
"""

import logging
import ssl
from pathlib import Path
from typing import Final, NamedTuple

from servingkit.config import ConfigError, Problem

_log = logging.getLogger(__name__)

CERTIFICATE_FILE: Final = "tls.crt"
KEY_FILE: Final = "tls.key"

_LOOK_EVERY_S: Final = 5.0


class _Version(NamedTuple):
    """Tells one state of a file from another."""

    inode: int
    changed_ns: int
    size_bytes: int


class Certificate:
    """What clients are shown. `context` is for the listener and stays the same.

    Raises:
        ConfigError: the files are there, but are no certificate with its key.
    """

    def __init__(
        self,
        directory: Path,
        key: str,
        versions: tuple[ssl.TLSVersion, ssl.TLSVersion],
    ) -> None:
        """Read it. `key` names the setting to blame; `versions` are the oldest and the newest."""
        self._directory = directory
        self._tls_versions = versions
        self._looked_at = 0.0
        self._versions = self._look()
        try:
            self._newest = self._load()
        except OSError as error:  # an ssl.SSLError is one
            expected = f"a certificate and its key in {CERTIFICATE_FILE} and {KEY_FILE} ({error})"
            raise ConfigError([Problem(key, str(directory), expected)]) from error
        self.context = self._load()
        self.context.sni_callback = self._choose  # also called for clients that name no server

    def __repr__(self) -> str:
        return f"<Certificate of {self._directory}>"

    @staticmethod
    def is_mounted(directory: Path) -> bool:
        """Return whether there is a certificate with a key, be it one that cannot be read."""
        try:
            return all((directory / name).exists() for name in (CERTIFICATE_FILE, KEY_FILE))
        except PermissionError:
            return True

    def tick(self, now: float) -> None:
        """Read the files again if they have changed; what cannot be read changes nothing."""
        if now - self._looked_at < _LOOK_EVERY_S:
            return
        self._looked_at = now
        versions = self._look()
        if versions in (self._versions, None):
            return
        self._versions = versions
        try:
            self._newest = self._load()
        except OSError as error:
            _log.warning("certificate not reloaded", extra={"reason": str(error)})
        else:
            _log.info("certificate reloaded", extra={"directory": str(self._directory)})

    def _look(self) -> tuple[_Version, _Version] | None:
        try:
            first, second = (
                (self._directory / name).stat() for name in (CERTIFICATE_FILE, KEY_FILE)
            )
        except OSError:
            return None  # between two states; the next look will find the new one
        return (
            _Version(first.st_ino, first.st_mtime_ns, first.st_size),
            _Version(second.st_ino, second.st_mtime_ns, second.st_size),
        )

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = self._tls_versions
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self._directory / CERTIFICATE_FILE, self._directory / KEY_FILE)
        return context

    def _choose(
        self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext
    ) -> None:
        del name, context
        connection.context = self._newest
