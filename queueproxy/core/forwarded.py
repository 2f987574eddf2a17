"""`Forwarded` made from `X-Forwarded-*`, for models that know only the standard's field (RFC 7239).

Behaviour: Knative's queue-proxy. It is made only when no `Forwarded` came, from the fields as they
came; host and protocol stand in the first element, which is the client's own. Unlike Knative's,
values that are no tokens are quoted as the RFC asks, and a port after an IPv4 address stays one.

Example: `X-Forwarded-For: 10.1.2.3, ::1` with `X-Forwarded-Host: h` and `X-Forwarded-Proto: p`
becomes `for=10.1.2.3;host=h;proto=p, for="[::1]"`.
"""

import re
from collections.abc import Mapping
from typing import Final

FORWARDED: Final = b"forwarded"

_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TO_ESCAPE: Final = re.compile(rb'(["\\])')


def forwarded(fields: Mapping[bytes, bytes]) -> bytes | None:
    """Return the value of `Forwarded` for a request's fields; None: it needs none."""
    nodes = fields.get(b"x-forwarded-for")
    host = fields.get(b"x-forwarded-host")
    protocol = fields.get(b"x-forwarded-proto")
    if not (nodes or host or protocol) or FORWARDED in fields:
        return None
    if nodes and not host and not protocol and _TOKEN.fullmatch(nodes):
        return b"for=" + nodes  # what nearly all carry that come through an activator: 0.4 us
    first, *others = (nodes or b"").split(b",")
    pairs = ((b"for", _node(first)), (b"host", host), (b"proto", protocol))
    elements = [b";".join(b"%b=%b" % (name, _value(value)) for name, value in pairs if value)]
    elements += [b"for=" + _value(_node(other)) for other in others]
    return b", ".join(elements)


def _node(address: bytes) -> bytes:
    address = address.strip()
    if address.count(b":") > 1 and not address.startswith(b"["):
        return b"[%b]" % address
    return address


def _value(value: bytes) -> bytes:
    value = value.strip()
    if _TOKEN.fullmatch(value):
        return value
    return b'"%b"' % _TO_ESCAPE.sub(rb"\\\1", value)
