"""How one revision's requests are admitted: its annotations over the installation's defaults.

Knative has none of these, so they carry a prefix of ours. Under the same prefix stand annotations
that other programs read; they are left alone here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from activator.core.lb_policy import LbPolicyName
from servingkit.config import ConfigError
from servingkit.core.annotation_names import OF_ADMISSION, OUR_PREFIX
from servingkit.setting_reader import SettingReader

PREFIX: Final = OUR_PREFIX

OTHERS: Final = "*"
"""In `priority-caps`: every tenant that is not named."""

_MOST_LEVEL: Final = 9
_MOST_WEIGHT: Final = 1000
_MOST_DIGITS: Final = 4
"""Of either; int() refuses thousands of digits."""
_HOUR_S: Final = 3600.0
_TOKEN_MARKS: Final = frozenset("!#$%&'*+-.^_`|~")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionSettings:
    """How one revision admits, queues and refuses. Its defaults are those of an installation."""

    lb_policy: LbPolicyName | None = None
    """Which pod gets the next request. None: Knative's choice by container concurrency."""

    queue_limit: int = 10_000
    """Requests that may wait."""

    queue_limit_bytes: int = 134_217_728
    """Bytes that waiting requests may keep: their heads, and up to 64 KiB of each body."""

    hold_timeout_s: float = 0.0
    """Longest time to wait for a pod, from arrival. 0: as long as the request may take."""

    pod_answer_timeout_s: float = 0.0
    """Longest time from going to a pod to the first byte of its answer. 0: no limit."""

    pod_failure_threshold: int = 3
    """Failures in a row after which a pod is used no more until it answers a probe."""

    retry_sent_requests: bool = False
    """Whether a request that a pod may have seen is sent again when it is not idempotent."""

    sse_heartbeat_s: float = 0.0
    """Period of comments to clients that wait for server-sent events. 0: none."""

    tenant_header: bytes = b""
    """Header that names the tenant, in lower case. Empty: all requests are one tenant's."""

    tenant_weights: Mapping[bytes, int] = field(default_factory=dict)
    """Turns that a tenant has in one round; 1 for a tenant that is not named."""

    tenant_queue_limit: int = 0
    """Requests of one tenant that may wait. 0: no limit of its own."""

    priorities: Mapping[bytes, int] = field(default_factory=dict)
    """Values of `Inflight-Priority` and their levels; 0 goes first. Empty: no priorities."""

    default_priority: bytes = b""
    """For requests that name none, or one that is not known."""

    priority_caps: Mapping[bytes, bytes] = field(default_factory=dict)
    """By tenant, the best priority that it may ask for; `*` stands for all others."""

    priority_queue_limit: int = 0
    """Requests of one level that may wait. 0: no limit of its own."""


def read_admission_settings(
    annotations: Mapping[str, str], defaults: AdmissionSettings
) -> AdmissionSettings:
    """Return the settings. Raises ConfigError that names every bad annotation."""
    known = {PREFIX + name for name in OF_ADMISSION}
    reader = SettingReader({k: v for k, v in annotations.items() if k in known}, PREFIX)
    settings = _read(reader, defaults)
    problems = reader.problems()
    if problems:
        raise ConfigError(problems)
    return settings


def _read(reader: SettingReader, defaults: AdmissionSettings) -> AdmissionSettings:
    priorities = _priorities(reader)
    return AdmissionSettings(
        lb_policy=reader.optional_choice("lb-policy", LbPolicyName) or defaults.lb_policy,
        queue_limit=reader.whole("queue-limit", defaults.queue_limit, least=1),
        queue_limit_bytes=reader.whole("queue-limit-bytes", defaults.queue_limit_bytes, least=1),
        hold_timeout_s=reader.seconds("hold-timeout", defaults.hold_timeout_s),
        pod_answer_timeout_s=reader.seconds("pod-answer-timeout", defaults.pod_answer_timeout_s),
        pod_failure_threshold=reader.whole(
            "pod-failure-threshold", defaults.pod_failure_threshold, least=1
        ),
        retry_sent_requests=reader.flag(
            "retry-sent-requests", default=defaults.retry_sent_requests
        ),
        sse_heartbeat_s=_heartbeat(reader, defaults.sse_heartbeat_s),
        tenant_header=_tenant_header(reader, defaults.tenant_header),
        tenant_weights=_tenant_weights(reader),
        tenant_queue_limit=reader.whole("tenant-queue-limit", defaults.tenant_queue_limit),
        priorities=priorities,
        default_priority=_default_priority(reader, priorities),
        priority_caps=_priority_caps(reader, priorities),
        priority_queue_limit=reader.whole("priority-queue-limit", defaults.priority_queue_limit),
    )


def _heartbeat(reader: SettingReader, default_s: float) -> float:
    if reader.optional_text("sse-heartbeat") == "0":
        return 0.0
    return reader.seconds("sse-heartbeat", default_s, least=1.0, most=_HOUR_S)


def _tenant_header(reader: SettingReader, default: bytes) -> bytes:
    text = reader.optional_text("tenant-header")
    if text is None:
        return default
    if not is_header_name(text):
        reader.reject("tenant-header", "the name of a header, such as X-Tenant")
    return text.lower().encode()


def is_header_name(text: str) -> bool:
    """Return whether `text` is a token (RFC 9110 section 5.6.2)."""
    return bool(text) and all(c.isascii() and (c.isalnum() or c in _TOKEN_MARKS) for c in text)


def _tenant_weights(reader: SettingReader) -> dict[bytes, int]:
    name = "tenant-weights"
    return _numbers(reader, name, least=1, most=_MOST_WEIGHT, example="gold=4,silver=2")


def _priorities(reader: SettingReader) -> dict[bytes, int]:
    name = "priorities"
    return _numbers(reader, name, least=0, most=_MOST_LEVEL, example="high=0,normal=1,low=2")


def _default_priority(reader: SettingReader, priorities: Mapping[bytes, int]) -> bytes:
    text = reader.optional_text("default-priority")
    if text is not None and text.encode() not in priorities:
        reader.reject("default-priority", _one_of(priorities))
    if text is not None:
        return text.encode()
    # Nobody gains by a name that is not known.
    return max(priorities, key=lambda name: priorities[name], default=b"")


def _priority_caps(reader: SettingReader, priorities: Mapping[bytes, int]) -> dict[bytes, bytes]:
    pairs = _pairs(reader.optional_text("priority-caps"))
    if pairs is None or any(cap.encode() not in priorities for _, cap in pairs):
        expected = f"TENANT=PRIORITY pairs, such as free=low,*=normal; {_one_of(priorities)}"
        reader.reject("priority-caps", expected)
        return {}
    return {tenant.encode(): cap.encode() for tenant, cap in pairs}


def _one_of(priorities: Iterable[bytes]) -> str:
    names = " or ".join(name.decode() for name in priorities)
    return f"a priority of {PREFIX}priorities: {names or 'none is there'}"


def _numbers(
    reader: SettingReader, name: str, *, least: int, most: int, example: str
) -> dict[bytes, int]:
    pairs = _pairs(reader.optional_text(name))
    if pairs is None or not all(
        number.isdecimal() and len(number) <= _MOST_DIGITS and least <= int(number) <= most
        for _, number in pairs
    ):
        reader.reject(name, f"names with whole numbers from {least} to {most}, such as {example}")
        return {}
    return {key.encode(): int(number) for key, number in pairs}


def _pairs(text: str | None) -> list[tuple[str, str]] | None:
    """Return what `a=b,c=d` says, spaces around its parts dropped; None when it cannot be read."""
    pairs = list(_split_pairs(text)) if text else []
    keys = {key for key, _ in pairs}
    return pairs if all(keys) and len(keys) == len(pairs) else None


def _split_pairs(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(","):
        key, _, value = part.partition("=")
        yield key.strip(), value.strip()
