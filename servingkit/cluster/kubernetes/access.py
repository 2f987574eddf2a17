"""Where the API server is, and how to prove who we are."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from servingkit.clock import monotonic
from servingkit.config import EnvReader

SERVICE_ACCOUNT_DIRECTORY: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_READ_AGAIN_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAccess:
    """An API server as a pod reaches it, or as `kubectl proxy` offers it."""

    url: str
    """`https://HOST:PORT`, without a path."""

    credentials: Path | None = None
    """Directory with `token` and `ca.crt`. None: no credentials, as for `kubectl proxy`."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "ApiAccess":
        """Read the environment. Raises ConfigError that names every bad variable.

        A pod has KUBERNETES_SERVICE_HOST and _PORT, and its service account mounted. Elsewhere
        INFLIGHT_KUBERNETES_URL names the server; then there are credentials only when
        INFLIGHT_KUBERNETES_CREDENTIALS names their directory.
        """
        env = EnvReader(environ)
        access = cls._read(env)
        env.check()
        return access

    @classmethod
    def _read(cls, env: EnvReader) -> "ApiAccess":
        directory = env.text("INFLIGHT_KUBERNETES_CREDENTIALS", "")
        url = env.text("INFLIGHT_KUBERNETES_URL", "").rstrip("/")
        if url:
            if not url.startswith(("http://", "https://")):
                env.reject("INFLIGHT_KUBERNETES_URL", "an address as https://HOST:PORT")
            return cls(url=url, credentials=Path(directory) if directory else None)
        host = env.text("KUBERNETES_SERVICE_HOST")
        port = env.integer("KUBERNETES_SERVICE_PORT", 443, least=1, most=65535)
        host = f"[{host}]" if ":" in host else host
        return cls(
            url=f"https://{host}:{port}", credentials=Path(directory or SERVICE_ACCOUNT_DIRECTORY)
        )

    def tls(self) -> ssl.SSLContext | None:
        """Return how to check the server; None for plain HTTP. Raises OSError without a CA."""
        if not self.url.startswith("https://"):
            return None
        if self.credentials is None:
            return ssl.create_default_context()
        return ssl.create_default_context(cafile=self.credentials / "ca.crt")


class TokenFile:
    """The bearer token; the kubelet puts a new one into the file before the old one ends."""

    def __init__(self, credentials: Path | None) -> None:
        self._path = None if credentials is None else credentials / "token"
        self._headers: Mapping[str, str] = {}
        self._read_at = float("-inf")

    def headers(self) -> Mapping[str, str]:
        """Return the headers that say who we are. Raises OSError when there never was a token."""
        if self._path is None:
            return self._headers
        now = monotonic()
        if now - self._read_at < _TOKEN_READ_AGAIN_S:
            return self._headers
        try:
            token = self._path.read_text().strip()
        except OSError:
            if not self._headers:
                raise
        else:
            self._headers = {"Authorization": f"Bearer {token}"}
        self._read_at = now
        return self._headers
