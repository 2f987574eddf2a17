"""How to tell that the model is ready: a Kubernetes readiness probe, as JSON, read and checked.

The kubelet no longer runs the probe that the user wrote: the sidecar does, so that a pod is ready
as soon as the model is. A pod of several containers has a list of them, and all must succeed.
Source: Knative's queue-proxy (SERVING_READINESS_PROBE).
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from servingkit.config import ConfigError, Problem

_FIELD_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_MOST_SERVICE_CHARACTERS: Final = 127
_EXPECTED: Final = "a readiness probe as a JSON object, or a list of them"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessProbe:
    """One check of the model, and how often it must succeed.

    An exec probe stays with the kubelet, and here it is a TCP check, as is a GET over TLS.
    """

    port: int

    path: str | None = None
    """Path of a GET whose status must be 200 to 399. None: a TCP connection is enough."""

    grpc_service: str | None = None
    """Service that gRPC's health protocol is asked for; "" is the whole server. None: no gRPC."""

    headers: tuple[tuple[str, str], ...] = ()

    period_s: int = 0
    """0: probe each 20 ms until it succeeds. More: one attempt each time someone asks."""

    timeout_s: float = 1.0
    """Time for one attempt when `period_s` is not 0."""

    success_threshold: int = 1
    """How many attempts in a row must succeed before the first "ready"."""


def parse_readiness_probes(text: str, user_port: int, key: str) -> tuple[ReadinessProbe, ...]:
    """Read a probe, or a list of those of several containers, from JSON.

    `{}` means a TCP check of `user_port`.

    Raises:
        ConfigError: naming each bad field below `key`, its value and what was expected.
    """
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    named = (
        {f"{key}[{at}]": one for at, one in enumerate(read)}
        if isinstance(read, list)
        else {key: read}
    )
    problems: list[Problem] = []
    parsed: list[ReadinessProbe] = []
    for name, probe in named.items():
        if not isinstance(probe, dict):
            problems.append(Problem(name, json.dumps(probe) if probe else text, _EXPECTED))
            continue
        try:
            parsed.append(_parse(probe, user_port, name))
        except ConfigError as error:
            problems += error.problems
    if not named:
        problems.append(Problem(key, text, _EXPECTED))
    if problems:
        raise ConfigError(problems)
    return tuple(parsed)


def _parse(probe: dict[str, Any], user_port: int, key: str) -> ReadinessProbe:
    reader = _Fields(key)
    http = reader.mapping(probe, "httpGet")
    grpc = reader.mapping(probe, "grpc")
    action = http or reader.mapping(probe, "tcpSocket") or grpc
    over_tls = http.get("scheme") == "HTTPS"
    port = reader.number(action, "port", user_port, least=0) or user_port
    period_s = reader.number(probe, "periodSeconds", 0, least=0)
    parsed = ReadinessProbe(
        port=port,
        path=reader.path(http) if http and not over_tls else None,
        grpc_service=reader.service(grpc) if "grpc" in probe and not http else None,
        headers=reader.headers(http),
        period_s=period_s,
        timeout_s=float(reader.number(probe, "timeoutSeconds", 1, least=0) or 1),
        success_threshold=reader.number(probe, "successThreshold", 1, least=0) or 1,
    )
    if period_s == 0 and probe.get("timeoutSeconds"):
        reader.reject("timeoutSeconds", probe["timeoutSeconds"], "no value when periodSeconds is 0")
    reader.check()
    return parsed


class _Fields:
    """Typed look-ups in decoded JSON that remember what was wrong."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._problems: list[Problem] = []

    def mapping(self, parent: dict[str, Any], name: str) -> dict[str, Any]:
        value = parent.get(name) or {}
        if not isinstance(value, dict):
            self.reject(name, value, "an object")
            return {}
        return value

    def number(self, parent: dict[str, Any], name: str, default: int, *, least: int) -> int:
        value = parent.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            self.reject(name, value, f"a whole number of at least {least}")
            return default
        return value

    def path(self, http: dict[str, Any]) -> str:
        value = http.get("path") or "/"
        if not isinstance(value, str) or not _is_target(value):
            self.reject("httpGet.path", value, "a path without spaces")
            return "/"
        return value if value.startswith("/") else "/" + value

    def service(self, grpc: dict[str, Any]) -> str:
        value = grpc.get("service") or ""
        fits = isinstance(value, str) and value.isascii()
        if not fits or len(value) > _MOST_SERVICE_CHARACTERS:
            expected = f"a name of at most {_MOST_SERVICE_CHARACTERS} characters"
            self.reject("grpc.service", value, expected)
            return ""
        return str(value)

    def headers(self, http: dict[str, Any]) -> tuple[tuple[str, str], ...]:
        headers = []
        for header in http.get("httpHeaders") or ():
            pair = header if isinstance(header, dict) else {}
            name, value = pair.get("name"), pair.get("value", "")
            if _is_field(name, value):
                headers.append((str(name), str(value)))
            else:
                self.reject("httpGet.httpHeaders", header, "a name and a value on one line each")
        return tuple(headers)

    def reject(self, name: str, value: object, expected: str) -> None:
        self._problems.append(Problem(f"{self._key}.{name}", str(value), expected))

    def check(self) -> None:
        if self._problems:
            raise ConfigError(self._problems)


def _is_target(value: str) -> bool:
    """Return whether a request line can carry it: nothing that ends the target or the line."""
    return value.isascii() and value.isprintable() and not set(value) & set(" #")


def _is_field(name: object, value: object) -> bool:
    """Return whether a header line can carry it, and is one line then."""
    return (
        isinstance(name, str)
        and isinstance(value, str)
        and _FIELD_NAME.fullmatch(name) is not None
        and value.isprintable()
    )
