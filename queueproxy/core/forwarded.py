"""`Forwarded` made from `X-Forwarded-*`, for models that know only the standard's field (RFC 7239).

Behaviour: Knative's queue-proxy. It is made only when no `Forwarded` came, from the fields as they
came; host and protocol stand in the first element, which is the client's own. Unlike Knative's,
values that are no tokens are quoted as the RFC asks, and a port after an IPv4 address stays one.

Example: `X-Forwarded-For: 10.1.2.3, ::1` with `X-Forwarded-Host: h` and `X-Forwarded-Proto: p`
becomes `for=10.1.2.3;host=h;proto=p, for="[::1]"`.
"""

import re
from typing import Final

FORWARDED: Final = b"forwarded"
X_FORWARDED_HOST: Final = b"x-forwarded-host"
X_FORWARDED_PROTO: Final = b"x-forwarded-proto"

_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TO_ESCAPE: Final = re.compile(rb'(["\\])')


def forwarded(
    came: bytes | None, nodes: bytes | None, host: bytes | None, protocol: bytes | None
) -> bytes | None:
    """Return the `Forwarded` that a request is to get; None: it needs none.

    Args:
        came: its own Forwarded; None: it has none, here and below.
        nodes: X-Forwarded-For.
        host: X-Forwarded-Host.
        protocol: X-Forwarded-Proto.
    """
    if came is not None or not (nodes or host or protocol):
        return None
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
