"""What a person asks of the sidecar: the annotations of a pod, read and checked.

They stand on the pod template, because a change of them is a change of the pod. Scaling settings
stand on the workload itself and are the autoscaler's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from servingkit.config import EnvReader
from servingkit.core.annotation_names import OUR_PREFIX, OURS

PREFIX: Final = OUR_PREFIX

RESOURCE_PREFIX: Final = "queue.sidecar.serving.knative.dev/"
"""Knative's, with `cpu-resource-request`, `memory-resource-limit` and so on after it."""

_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage")
_QUANTITY: Final = re.compile(r"(\d+(\.\d*)?|\.\d+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?", re.ASCII)
_PORT_NAME: Final = re.compile(r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_MOST_PORT: Final = 65_535
_LOG_LEVELS: Final = ("debug", "info", "warning", "error")

_WHOLE_NUMBERS: Final = {
    "container-concurrency": "CONTAINER_CONCURRENCY",
    "queue-depth": "INFLIGHT_QUEUE_DEPTH",
    "max-body-bytes": "INFLIGHT_MAX_BODY_BYTES",
    "max-head-bytes": "INFLIGHT_MAX_HEAD_BYTES",
    "max-header-fields": "INFLIGHT_MAX_HEADER_FIELDS",
}
_SECONDS: Final = {
    "timeout-seconds": "REVISION_TIMEOUT_SECONDS",
    "response-start-timeout-seconds": "REVISION_RESPONSE_START_TIMEOUT_SECONDS",
    "idle-timeout-seconds": "REVISION_IDLE_TIMEOUT_SECONDS",
    "queue-timeout-seconds": "INFLIGHT_QUEUE_TIMEOUT_SECONDS",
    "drain-quiet-seconds": "INFLIGHT_DRAIN_QUIET_SECONDS",
    "head-timeout-seconds": "INFLIGHT_HEAD_TIMEOUT_SECONDS",
    "keep-alive-seconds": "INFLIGHT_KEEP_ALIVE_SECONDS",
    "stall-timeout-seconds": "INFLIGHT_STALL_TIMEOUT_SECONDS",
}
_OTHERS: Final = {
    "request-log": "INFLIGHT_REQUEST_LOG",
    "log-level": "SERVING_LOGGING_LEVEL",
    "model-metrics": "INFLIGHT_MODEL_METRICS",
}
_TIMEOUT_S: Final = 300
_DEFAULTS: Final = {
    "CONTAINER_CONCURRENCY": "0",
    "REVISION_TIMEOUT_SECONDS": str(_TIMEOUT_S),
}
"""What the sidecar will not start without. The rest has defaults of its own."""

_KNOWN_RESOURCES: Final = tuple(
    f"{resource}-resource-{bound}" for resource in _RESOURCES for bound in ("request", "limit")
)


class PreStop(Enum):
    """What becomes of a preStop hook that the model's container has already."""

    KEEP = "keep"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSettings:
    """One pod's wishes."""

    container: str
    """Which container is the model. Empty: the only one, or the only one that names a port."""

    port: str
    """Where the model listens: a number, or the name of one of its ports. Empty: its only port."""

    pre_stop: PreStop | None
    """None: nothing was said, so there must be no hook in the way."""

    environment: Mapping[str, str]
    """Variables of the sidecar."""

    timeout_s: float
    """Longest time of a request."""

    drain_quiet_s: float | None
    """How long no request must have come before the pod may end. None: as installed."""

    resources: Mapping[str, Mapping[str, str]]
    """`requests` and `limits` of the sidecar, over those that were installed."""


def read_pod_settings(annotations: Mapping[str, str]) -> PodSettings:
    """Read a pod's annotations. Raises ConfigError that names every bad one."""
    reader = EnvReader(annotations)
    _refuse_unknown(annotations, reader)
    port, pre_stop = _port(reader), _pre_stop(reader)
    environment = _environment(annotations, reader)
    resources = _resources(annotations, reader)
    reader.check()
    quiet_s = environment.get("INFLIGHT_DRAIN_QUIET_SECONDS")
    return PodSettings(
        container=reader.text(PREFIX + "container", ""),
        port=port,
        pre_stop=pre_stop,
        environment=environment,
        timeout_s=float(environment["REVISION_TIMEOUT_SECONDS"]) or _TIMEOUT_S,
        drain_quiet_s=None if quiet_s is None else float(quiet_s),
        resources=resources,
    )


def _refuse_unknown(annotations: Mapping[str, str], reader: EnvReader) -> None:
    # Those of the revision may stand here, too: the workload's own win over its pod template's.
    for prefix, known in ((PREFIX, sorted(OURS)), (RESOURCE_PREFIX, _KNOWN_RESOURCES)):
        for key in annotations:
            if key.startswith(prefix) and key.removeprefix(prefix) not in known:
                reader.reject(key, f"one of these after {prefix}: {', '.join(known)}")


def _port(reader: EnvReader) -> str:
    key = PREFIX + "port"
    text = reader.text(key, "")
    if text.isdecimal():
        reader.integer(key, least=1, most=_MOST_PORT)
    elif text and not _PORT_NAME.fullmatch(text):
        reader.reject(key, f"the name of a port, or a whole number from 1 to {_MOST_PORT}")
    return text


def _pre_stop(reader: EnvReader) -> PreStop | None:
    key = PREFIX + "pre-stop"
    text = reader.text(key, "")
    try:
        return PreStop(text) if text else None
    except ValueError:
        reader.reject(key, " or ".join(choice.value for choice in PreStop))
        return None


def _environment(annotations: Mapping[str, str], reader: EnvReader) -> dict[str, str]:
    """Return the sidecar's variables; their values are passed on as they were written."""
    for name in _WHOLE_NUMBERS:
        reader.integer(PREFIX + name, 0)
    for name in _SECONDS:
        reader.seconds(PREFIX + name, 0.0)
    reader.flag(PREFIX + "request-log", default=False)
    level_key = PREFIX + "log-level"
    if reader.text(level_key, "info").lower() not in _LOG_LEVELS:
        reader.reject(level_key, ", ".join(_LOG_LEVELS))
    if "/" not in reader.text(PREFIX + "model-metrics", "/"):
        reader.reject(PREFIX + "model-metrics", "a path like /metrics, or a port and a path")
    variables = _WHOLE_NUMBERS | _SECONDS | _OTHERS
    given = {
        variable: annotations[PREFIX + name]
        for name, variable in variables.items()
        if annotations.get(PREFIX + name)
    }
    return _DEFAULTS | given


def _resources(annotations: Mapping[str, str], reader: EnvReader) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for bound, resource, key in _resource_keys():
        quantity = annotations.get(key, "")
        if quantity and not _QUANTITY.fullmatch(quantity):
            reader.reject(key, "a quantity like 100m or 64Mi")
        elif quantity:
            found.setdefault(bound, {})[resource] = quantity
    return found


def _resource_keys() -> Iterator[tuple[str, str, str]]:
    for bound in ("request", "limit"):
        for resource in _RESOURCES:
            yield f"{bound}s", resource, f"{RESOURCE_PREFIX}{resource}-resource-{bound}"
