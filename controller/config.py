"""Settings of the controller program."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from controller.core.injection import SidecarSettings
from servingkit.cluster.kubernetes.access import ApiAccess
from servingkit.config import ConfigError, EnvReader, read_log_level

_ALL_INTERFACES = "0.0.0.0"  # noqa: S104 -- a pod is reached at its own address
_MOST_PORT = 65_535
_MOST_USER = 2**31 - 1
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCertificate:
    """Where the certificate that this program makes is kept, and what it is made for."""

    access: ApiAccess
    namespace: str
    secret: str
    service: str
    """Name of the Service by which the API server calls."""

    webhook_configuration: str
    """Name of the mutating and of the validating configuration that get the authority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that one controller needs to know."""

    sidecar: SidecarSettings

    certificate: OwnCertificate | Path
    """A directory with `tls.crt` and `tls.key` if somebody else makes the certificate."""

    listen_host: str
    port: int
    """Admission reviews and health over TLS. 0: a free port, as for the other."""

    metrics_port: int
    """Prometheus."""

    drain_s: float
    """Time between the order to stop and the end of listening: so long may calls still come."""

    log_level: str
    """debug, info, warning or error."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Config":
        """Read the environment. Raises ConfigError that names every bad variable."""
        env = EnvReader(environ)
        config = cls(
            sidecar=_sidecar(env),
            certificate=_certificate(env, environ),
            listen_host=env.text("LISTEN_HOST", _ALL_INTERFACES),
            port=env.integer("PORT", 8443, most=_MOST_PORT),
            metrics_port=env.integer("METRICS_PORT", 9090, most=_MOST_PORT),
            drain_s=env.seconds("DRAIN_SECONDS", 5.0),
            log_level=read_log_level(env),
        )
        env.check()
        return config


def _sidecar(env: EnvReader) -> SidecarSettings:
    user = "INFLIGHT_SIDECAR_USER"
    return SidecarSettings(
        image=env.text("INFLIGHT_SIDECAR_IMAGE"),
        image_pull_policy=_choice(
            env, "INFLIGHT_SIDECAR_IMAGE_PULL_POLICY", "IfNotPresent", _PULL_POLICIES
        ),
        native=env.flag("INFLIGHT_SIDECAR_NATIVE", default=True),
        run_as_user=env.integer(user, least=1, most=_MOST_USER) if env.text(user, "") else None,
        drain_quiet_s=env.seconds("INFLIGHT_SIDECAR_DRAIN_QUIET_SECONDS", 30.0),
        resources=_resources(env),
    )


def _resources(env: EnvReader) -> Mapping[str, Mapping[str, str]]:
    key = "INFLIGHT_SIDECAR_RESOURCES"
    try:
        resources = json.loads(env.text(key, "{}"))
    except ValueError:
        resources = None
    fits = isinstance(resources, dict) and all(
        bound in {"requests", "limits"}
        and isinstance(quantities, dict)
        and all(isinstance(quantity, str) for quantity in quantities.values())
        for bound, quantities in resources.items()
    )
    if not fits:
        env.reject(key, "a JSON object with requests and limits, each from resource to text")
        return {}
    return dict(resources)


def _certificate(env: EnvReader, environ: Mapping[str, str]) -> OwnCertificate | Path:
    directory = env.text("INFLIGHT_CERTIFICATE_DIRECTORY", "")
    if directory:
        return Path(directory)
    return OwnCertificate(
        access=_access(env, environ),
        namespace=env.text("POD_NAMESPACE"),
        secret=env.text("INFLIGHT_CERTIFICATE_SECRET"),
        service=env.text("INFLIGHT_WEBHOOK_SERVICE"),
        webhook_configuration=env.text("INFLIGHT_WEBHOOK_CONFIGURATION"),
    )


def _access(env: EnvReader, environ: Mapping[str, str]) -> ApiAccess:
    try:
        return ApiAccess.from_env(environ)
    except ConfigError as error:
        env.note(error)
        return ApiAccess(url="")


def _choice(env: EnvReader, key: str, default: str, choices: tuple[str, ...]) -> str:
    value = env.text(key, default)
    if value not in choices:
        env.reject(key, ", ".join(choices))
        return default
    return value
