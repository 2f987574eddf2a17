"""Keeps the webhook's certificate fresh, and the API server's trust in it.

Every replica does the same: it reads the Secret, makes what is missing or ends soon, and writes it
back if nobody else was first. Then the webhook configurations get the authorities, and only then is
the certificate shown, so that nobody is shown what is not trusted yet.
"""

import asyncio
import base64
import datetime as dt
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from controller.certificate import Credentials, expiry_of, keep_fresh
from controller.config import OwnCertificate
from controller.served_certificate import CERTIFICATE_FILE, KEY_FILE, ServedCertificate
from servingkit.cluster.kubernetes.api import ApiClient, ApiError
from servingkit.cluster.kubernetes.core.objects import ApiObject
from servingkit.cluster.kubernetes.core.resource import (
    MUTATING_WEBHOOK_CONFIGURATIONS,
    SECRETS,
    VALIDATING_WEBHOOK_CONFIGURATIONS,
    Resource,
)

_log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 60.0
_LOOK_AGAIN_S: Final = 2.0
_AUTHORITIES_FILE: Final = "ca.crt"
_AUTHORITY_KEY_FILE: Final = "ca.key"


class CertificateKeeper(Protocol):
    """Whoever cares that there is a certificate."""

    expires_at: dt.datetime | None
    """When the one that is shown ends. None: unknown."""

    async def run(self) -> None:
        """Keep it fresh until cancelled."""
        ...


class _Secret(ApiObject, rename="camel"):
    data: dict[str, str] | None = None


class _WebhookConfiguration(ApiObject, rename="camel"):
    webhooks: list[dict[str, Any]] = msgspec.field(default_factory=list)


class OwnCertificateKeeper:
    """Keeps a certificate of our own making, shared by all replicas through a Secret."""

    def __init__(
        self,
        settings: OwnCertificate,
        api: ApiClient,
        served: ServedCertificate,
        now: Callable[[], dt.datetime],
    ) -> None:
        self.expires_at: dt.datetime | None = None
        self._settings = settings
        self._api = api
        self._served = served
        self._now = now
        self._shown: Credentials | None = None
        host = f"{settings.service}.{settings.namespace}.svc"
        self._names = (host, f"{settings.service}.{settings.namespace}", f"{host}.cluster.local")

    def __repr__(self) -> str:
        return f"<OwnCertificateKeeper of {self._names[0]} until {self.expires_at}>"

    async def run(self) -> None:
        """Look at the certificate once a minute; while something fails, more often."""
        while True:
            pause_s = _LOOK_EVERY_S
            try:
                await self.look()
            except ApiError as error:
                pause_s = _LOOK_AGAIN_S
                if not error.conflict:
                    _log.warning("certificate not looked after", extra={"reason": str(error)})
            await asyncio.sleep(pause_s)

    async def look(self) -> None:
        """Make, share and show what is needed. Raises ApiError; then look again."""
        credentials = await self._share()
        for resource in (MUTATING_WEBHOOK_CONFIGURATIONS, VALIDATING_WEBHOOK_CONFIGURATIONS):
            await self._make_trusted(resource, credentials.authorities)
        if credentials != self._shown:
            self._served.use(credentials.certificate, credentials.key)
            self._shown = credentials
            self.expires_at = expiry_of(credentials.certificate)
            _log.info("certificate in use", extra={"expires_at": self.expires_at.isoformat()})

    async def _share(self) -> Credentials:
        """Return what the Secret holds, once it is fresh."""
        namespace, name = self._settings.namespace, self._settings.secret
        secret = await self._api.get(_Secret, SECRETS, namespace, name)
        held = None if secret is None else _read(secret)
        fresh = keep_fresh(held, self._names, self._now())
        if fresh != held:
            version = "" if secret is None else secret.metadata.resource_version
            metadata = {"resourceVersion": version} if version else {}
            body = {"metadata": metadata, "data": _data(fresh)}
            # The Secret was installed, empty: so this program need not be allowed to make any.
            await self._api.patch(SECRETS, namespace, name, body)
            _log.info("certificate made", extra={"names": self._names})
        return fresh

    async def _make_trusted(self, resource: Resource, authorities: bytes) -> None:
        name = self._settings.webhook_configuration
        found = await self._api.get(_WebhookConfiguration, resource, "", name)
        if found is None:
            extra = {"resource": str(resource), "configuration": name}
            _log.warning("webhook configuration missing", extra=extra)
            return
        bundle = base64.b64encode(authorities).decode()
        if all(hook["clientConfig"].get("caBundle") == bundle for hook in found.webhooks):
            return
        for hook in found.webhooks:
            hook["clientConfig"]["caBundle"] = bundle
        version = {"resourceVersion": found.metadata.resource_version}
        await self._api.patch(resource, "", name, {"metadata": version, "webhooks": found.webhooks})


class MountedCertificateKeeper:
    """Follows files that somebody else keeps, such as cert-manager."""

    def __init__(self, directory: Path, served: ServedCertificate) -> None:
        self.expires_at: dt.datetime | None = None
        self._directory = directory
        self._served = served
        self._shown: tuple[bytes, bytes] | None = None

    def __repr__(self) -> str:
        return f"<MountedCertificateKeeper of {self._directory}>"

    async def run(self) -> None:
        """Look at the files every two seconds."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK_AGAIN_S)

    def look(self) -> None:
        """Show what the files hold; what cannot be read or used changes nothing."""
        try:
            certificate = (self._directory / CERTIFICATE_FILE).read_bytes()
            key = (self._directory / KEY_FILE).read_bytes()
            if (certificate, key) == self._shown:
                return
            self._served.use(certificate, key)
        except OSError as error:
            _log.warning("certificate not read", extra={"reason": str(error)})
            return
        self._shown = (certificate, key)
        self.expires_at = expiry_of(certificate)
        _log.info("certificate in use", extra={"expires_at": self.expires_at.isoformat()})


def _read(secret: _Secret) -> Credentials | None:
    """Return what a Secret holds; None when a part is missing."""
    data = secret.data or {}
    try:
        return Credentials(
            authorities=base64.b64decode(data[_AUTHORITIES_FILE]),
            authority_key=base64.b64decode(data[_AUTHORITY_KEY_FILE]),
            certificate=base64.b64decode(data[CERTIFICATE_FILE]),
            key=base64.b64decode(data[KEY_FILE]),
        )
    except (KeyError, ValueError):
        return None


def _data(credentials: Credentials) -> dict[str, str]:
    parts = {
        _AUTHORITIES_FILE: credentials.authorities,
        _AUTHORITY_KEY_FILE: credentials.authority_key,
        CERTIFICATE_FILE: credentials.certificate,
        KEY_FILE: credentials.key,
    }
    return {name: base64.b64encode(part).decode() for name, part in parts.items()}
