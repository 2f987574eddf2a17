"""Settings of the activator program."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from activator.core.admission_settings import AdmissionSettings, is_header_name
from activator.core.trusted_networks import Network, read_networks
from servingkit.client_limits import read_client_limits
from servingkit.config import EnvReader, read_log_level
from servingkit.http1.downstream import ServerLimits

_MOST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Where to listen, whom to tell of the load, and how much may wait."""

    name: str
    """Signs the stats; unique among the activators."""

    listen_host: str
    """Address of all ports, those of the revisions included. Empty: every address."""

    autoscaler_url: str
    """Where stats are pushed, as `ws://HOST:PORT`: to each address that the host has."""

    log_level: str = "info"
    port: int = 8012
    """Requests of all revisions, told apart by Host or headers. 0: a free port."""

    metrics_port: int = 9090
    """Prometheus. 0: a free port."""

    cluster_domain: str = "cluster.local"
    """What follows `.svc.` in the cluster's host names."""

    trusted_networks: tuple[Network, ...] = ()
    """From where headers may name a revision. Empty: from nowhere."""

    admission: AdmissionSettings = field(default_factory=AdmissionSettings)
    """What holds for revisions that do not say otherwise in their annotations."""

    held_limit: int = 50_000
    """Requests of all revisions that may wait."""

    held_limit_bytes: int = 268_435_456
    """Bytes that all waiting requests may keep."""

    grace_period_s: float = 600.0
    """Time from the order to end to the kill: the pod's `terminationGracePeriodSeconds`."""

    refuse_before_end_s: float = 10.0
    """So long before the end of the grace period, requests that still wait are refused."""

    drain_quiet_s: float = 30.0
    """An earlier end needs so much time without a new request: routes lag behind."""

    client_limits: ServerLimits = field(default_factory=ServerLimits)
    """What a client may send, and how long it may take."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Config":
        """Read the environment. Raises ConfigError that names every bad variable."""
        env = EnvReader(environ)
        config = cls(
            name=env.text("POD_NAME"),
            listen_host=env.text("LISTEN_HOST", "0.0.0.0"),  # noqa: S104 -- a pod's own address
            autoscaler_url=_read_url(env),
            log_level=read_log_level(env),
            port=env.integer("PORT", 8012, most=_MOST_PORT),
            metrics_port=env.integer("METRICS_PORT", 9090, most=_MOST_PORT),
            cluster_domain=env.text("CLUSTER_DOMAIN", "cluster.local"),
            trusted_networks=_read_networks(env),
            admission=_read_admission(env),
            held_limit=env.integer("HELD_LIMIT", 50_000, least=1),
            held_limit_bytes=env.integer("HELD_LIMIT_BYTES", 268_435_456, least=1),
            grace_period_s=env.seconds("GRACE_PERIOD_SECONDS", 600.0),
            refuse_before_end_s=env.seconds("REFUSE_BEFORE_END_SECONDS", 10.0),
            drain_quiet_s=env.seconds("DRAIN_QUIET_SECONDS", 30.0),
            client_limits=read_client_limits(env),
        )
        env.check()
        return config


def _read_url(env: EnvReader) -> str:
    url = env.text("AUTOSCALER_URL", "ws://autoscaler:8080")
    if not _is_websocket_url(url):
        env.reject("AUTOSCALER_URL", "an address as ws://HOST:PORT")
    return url


def _is_websocket_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")
        return parts.scheme in {"ws", "wss"} and bool(host) and parts.port != 0
    except ValueError:  # also of `port` and of a name that cannot be looked up
        return False


def _read_admission(env: EnvReader) -> AdmissionSettings:
    tenant_header = env.text("TENANT_HEADER", "")
    if tenant_header and not is_header_name(tenant_header):
        env.reject("TENANT_HEADER", "the name of a header, such as X-Tenant")
    return AdmissionSettings(
        queue_limit=env.integer("QUEUE_LIMIT", 10_000, least=1),
        queue_limit_bytes=env.integer("QUEUE_LIMIT_BYTES", 134_217_728, least=1),
        hold_timeout_s=env.seconds("HOLD_TIMEOUT_SECONDS", 0.0),
        pod_answer_timeout_s=env.seconds("POD_ANSWER_TIMEOUT_SECONDS", 0.0),
        tenant_header=tenant_header.lower().encode(),
    )


def _read_networks(env: EnvReader) -> tuple[Network, ...]:
    try:
        return read_networks(env.text("TRUSTED_NETWORKS", ""))
    except ValueError as error:
        env.reject("TRUSTED_NETWORKS", f"networks as 10.0.0.0/8, separated by commas ({error})")
        return ()
