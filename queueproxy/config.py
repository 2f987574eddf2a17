"""The sidecar's settings: Knative's environment variables, and ours where it has none.

Reference: Knative's queue-proxy (`QUEUE_SERVING_PORT`, `CONTAINER_CONCURRENCY`, …). Variables that
Knative sets and we do not need are ignored, so that this can stand in as its sidecar image.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from queueproxy.core.log_template import (
    DEFAULT_TEMPLATE,
    LoggedRevision,
    LogTemplate,
    TemplateError,
)
from queueproxy.core.readiness_probe import ReadinessProbe, parse_readiness_probes
from servingkit.client_limits import read_client_limits
from servingkit.config import ConfigError, EnvReader, Problem
from servingkit.core.whole_number import whole_number
from servingkit.http1.downstream import ServerLimits

_OBSERVABILITY = "OBSERVABILITY_CONFIG"
_BY_CONFIG_MAP = {
    "enableRequestLog": "logging.enable-request-log",
    "enableProbeRequestLog": "logging.enable-probe-request-log",
    "requestLogTemplate": "logging.request-log-template",
}
_QUEUE_DEPTH_FACTOR = 10
_FIELDS_OF_PROXIES = 16
_HEAD_BYTES_OF_PROXIES = 4_096
_TLS_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class ModelMetrics(NamedTuple):
    """Where the model serves metrics of its own, on 127.0.0.1."""

    port: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that one sidecar needs to know."""

    container_concurrency: int
    """Requests that the model may run at once. 0: no limit."""

    queue_depth: int | None
    """Requests that may wait. None: ten times the concurrency."""

    queue_timeout_s: float
    """Longest time that a request may wait for a slot. 0: as long as its other limits allow."""

    user_port: int
    """Where the model listens on 127.0.0.1."""

    serving_port: int
    """Where requests come in."""

    tls_port: int
    """Where requests come in over TLS, if there is a certificate."""

    certificate_directory: Path
    """Where a certificate is looked for, at the start."""

    least_tls_version: ssl.TLSVersion
    """The oldest version of TLS that is spoken."""

    most_tls_version: ssl.TLSVersion
    """The newest one."""

    admin_port: int
    """Drain hooks, and the limit on what runs at once."""

    stats_port: int
    """`Stat` for the autoscaler."""

    metrics_port: int
    """Prometheus."""

    model_metrics: ModelMetrics | None
    """The model's own metrics, which go on the same page. None: it has none."""

    listen_host: str
    """Address of all ports. Empty: every address of the pod."""

    timeout_s: float
    """Longest time of a request, waiting included."""

    response_start_timeout_s: float
    """Longest time to the first byte of an answer. 0: no limit."""

    idle_timeout_s: float
    """Longest time without a byte of the answer. 0: no limit. The only one for WebSockets, where
    bytes of the client count, too."""

    drain_quiet_s: float
    """A draining pod is done when no request has come for so long and none is under way."""

    client_limits: ServerLimits
    """What a client may send, and how long it may take."""

    readiness_probes: tuple[ReadinessProbe, ...]
    """How to tell that the model is ready: one for each container, and all must succeed."""

    namespace: str
    revision: str
    pod_name: str

    request_log: LogTemplate | None
    """What each request leaves on standard output. None: nothing."""

    log_probes: bool
    """Whether probes leave such a line, too."""

    log_level: str
    """debug, info, warning or error."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Config":
        """Read the environment. Raises ConfigError that names every bad variable."""
        env = EnvReader(environ)
        user_port = env.integer("USER_PORT", least=1, most=65535)
        knatives = _observability(env)
        least_tls_version, most_tls_version = _tls_versions(env)
        config = cls(
            container_concurrency=env.integer("CONTAINER_CONCURRENCY"),
            queue_depth=_queue_depth(env),
            queue_timeout_s=env.seconds("INFLIGHT_QUEUE_TIMEOUT_SECONDS", 0.0),
            user_port=user_port,
            serving_port=env.integer("QUEUE_SERVING_PORT", 8012, most=65535),
            tls_port=env.integer("QUEUE_SERVING_TLS_PORT", 8112, most=65535),
            certificate_directory=Path(
                env.text("INFLIGHT_CERTIFICATE_DIRECTORY", "/var/lib/knative/certs")
            ),
            least_tls_version=least_tls_version,
            most_tls_version=most_tls_version,
            admin_port=env.integer("INFLIGHT_ADMIN_PORT", 8022, most=65535),
            stats_port=env.integer("INFLIGHT_STATS_PORT", 9090, most=65535),
            metrics_port=env.integer("INFLIGHT_METRICS_PORT", 9091, most=65535),
            model_metrics=_model_metrics(env, user_port),
            listen_host=env.text("INFLIGHT_LISTEN_HOST", ""),
            timeout_s=env.seconds("REVISION_TIMEOUT_SECONDS") or 300.0,
            response_start_timeout_s=env.seconds("REVISION_RESPONSE_START_TIMEOUT_SECONDS", 0.0),
            idle_timeout_s=env.seconds("REVISION_IDLE_TIMEOUT_SECONDS", 0.0),
            drain_quiet_s=env.seconds("INFLIGHT_DRAIN_QUIET_SECONDS", 30.0),
            client_limits=_client_limits(env),
            readiness_probes=_readiness_probes(env, user_port),
            namespace=env.text("SERVING_NAMESPACE"),
            revision=env.text("SERVING_REVISION"),
            pod_name=env.text("SERVING_POD"),
            request_log=_request_log(env, knatives),
            log_probes=_log_probes(env, knatives),
            log_level=_log_level(env),
        )
        env.check()
        return config

    def queue_depth_at(self, container_concurrency: int) -> int:
        """Return how many may wait when so many may run."""
        if self.queue_depth is None:
            return container_concurrency * _QUEUE_DEPTH_FACTOR
        return self.queue_depth


def _queue_depth(env: EnvReader) -> int | None:
    key = "INFLIGHT_QUEUE_DEPTH"
    return env.integer(key) if env.text(key, "") else None


def _tls_versions(env: EnvReader) -> tuple[ssl.TLSVersion, ssl.TLSVersion]:
    least = _tls_version(env, "QUEUE_PROXY_TLS_MIN_VERSION")
    key = "QUEUE_PROXY_TLS_MAX_VERSION"
    most = _tls_version(env, key)
    if most < least:
        env.reject(key, "no older version than QUEUE_PROXY_TLS_MIN_VERSION, which is 1.3 if unset")
    return least, most


def _tls_version(env: EnvReader, key: str) -> ssl.TLSVersion:
    version = env.text(key, "1.3")
    if version not in _TLS_VERSIONS:
        env.reject(key, " or ".join(_TLS_VERSIONS))
    return _TLS_VERSIONS.get(version, ssl.TLSVersion.TLSv1_3)


def _model_metrics(env: EnvReader, user_port: int) -> ModelMetrics | None:
    key = "INFLIGHT_MODEL_METRICS"
    text = env.text(key, "")
    if not text:
        return None
    digits, slash, path = text.partition("/")
    port = user_port if not digits else whole_number(digits, 65_535) or 0
    target = slash + path
    printable = target.isascii() and target.isprintable() and " " not in target
    if not slash or not printable or not 1 <= port <= 65535:  # noqa: PLR2004 -- TCP's ports
        env.reject(key, "a path like /metrics, after a port if it is not the model's")
        return None
    return ModelMetrics(port, target)


def _request_log(env: EnvReader, knatives: Mapping[str, Any]) -> LogTemplate | None:
    """Return the template if a log is asked for: by our own variables, or else by Knative's."""
    asked = knatives.get("enableRequestLog") in (True, "true")
    asked = env.flag("SERVING_ENABLE_REQUEST_LOG", default=asked)
    if not env.flag("INFLIGHT_REQUEST_LOG", default=asked):
        return None
    key = "SERVING_REQUEST_LOG_TEMPLATE"
    text = env.text(key, "")
    if not text:
        key = f"{_OBSERVABILITY}.requestLogTemplate"
        text = knatives.get("requestLogTemplate") or DEFAULT_TEMPLATE
    try:
        return LogTemplate(str(text), _logged_revision(env))
    except TemplateError as error:
        env.note(ConfigError([Problem(key, error.found, error.expected)]))
        return None


def _log_probes(env: EnvReader, knatives: Mapping[str, Any]) -> bool:
    asked = knatives.get("enableProbeRequestLog") in (True, "true")
    return env.flag("SERVING_ENABLE_PROBE_REQUEST_LOG", default=asked)


def _observability(env: EnvReader) -> dict[str, Any]:
    """Return Knative's JSON object, its settings by their names there or in the ConfigMap."""
    try:
        found = json.loads(env.text(_OBSERVABILITY, "{}"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        env.reject(_OBSERVABILITY, "a JSON object")
        return {}
    for name, other in _BY_CONFIG_MAP.items():
        if other in found:
            found[name] = found[other]
    return found


def _logged_revision(env: EnvReader) -> LoggedRevision:
    return LoggedRevision(
        name=env.text("SERVING_REVISION", ""),
        namespace=env.text("SERVING_NAMESPACE", ""),
        service=env.text("SERVING_SERVICE", ""),
        configuration=env.text("SERVING_CONFIGURATION", ""),
        pod_name=env.text("SERVING_POD", ""),
        pod_ip=env.text("SERVING_POD_IP", ""),
    )


def _client_limits(env: EnvReader) -> ServerLimits:
    """Return the limits, with room for what an activator adds: what it took is not refused here."""
    limits = read_client_limits(env, "INFLIGHT_")
    request = replace(
        limits.request,
        header_count=limits.request.header_count + _FIELDS_OF_PROXIES,
        head_bytes=limits.request.head_bytes + _HEAD_BYTES_OF_PROXIES,
    )
    return replace(limits, request=request)


def _readiness_probes(env: EnvReader, user_port: int) -> tuple[ReadinessProbe, ...]:
    key = "SERVING_READINESS_PROBE"
    try:
        return parse_readiness_probes(env.text(key, "{}"), user_port, key)
    except ConfigError as error:
        env.note(error)
        return ()


def _log_level(env: EnvReader) -> str:
    key = "SERVING_LOGGING_LEVEL"
    level = env.text(key, "info").lower()
    if level not in {"debug", "info", "warning", "error"}:
        env.reject(key, "debug, info, warning or error")
        return "info"
    return level
