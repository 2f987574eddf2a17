"""Names that a person wrote: of revisions, routes and hosts."""

import re
from typing import Final

from inflight.scaling.fields import Fields

_LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(_LABEL, re.ASCII)
_HOST: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.ASCII)
_HOST_PATTERN: Final = re.compile(rf"\*|(\*\.)?{_HOST.pattern}", re.ASCII)


def read_name(fields: Fields, key: str, default: str = "") -> str:
    """Return a DNS label."""
    name = fields.text(key, default)
    if not _NAME.fullmatch(name):
        fields.reject(key, "a name of at most 63 lower-case letters, digits and hyphens")
    return name


def read_hosts(fields: Fields) -> tuple[str, ...]:
    """Return host names in lower case."""
    return _hosts(fields, _HOST, "host names without a port, as example.com")


def read_host_patterns(fields: Fields) -> tuple[str, ...]:
    """Return host names in lower case; `*.` before one stands for all below it, `*` for all."""
    expected = "host names without a port, as example.com, *.example.com or *"
    return _hosts(fields, _HOST_PATTERN, expected)


def _hosts(fields: Fields, pattern: re.Pattern[str], expected: str) -> tuple[str, ...]:
    hosts = tuple(host.lower() for host in fields.texts("hosts"))
    if not all(pattern.fullmatch(host) for host in hosts):
        fields.reject("hosts", expected)
    return hosts
