"""What clients may do, read from the environment: the same settings in sidecar and activator."""

from servingkit.config import EnvReader
from servingkit.http1.downstream import ServerLimits
from servingkit.http1.request_reader import RequestLimits

_LEAST_HEAD_BYTES = 1_024
_LEAST_FIELDS = 16


def read_client_limits(env: EnvReader, prefix: str = "") -> ServerLimits:
    """Return the limits of a request port; the names of its variables begin with `prefix`."""
    known, request = ServerLimits(), RequestLimits()
    return ServerLimits(
        request=RequestLimits(
            head_bytes=env.integer(
                f"{prefix}MAX_HEAD_BYTES", request.head_bytes, least=_LEAST_HEAD_BYTES
            ),
            header_count=env.integer(
                f"{prefix}MAX_HEADER_FIELDS", request.header_count, least=_LEAST_FIELDS
            ),
            body_bytes=env.integer(f"{prefix}MAX_BODY_BYTES", 0, most=2**63 - 1),
        ),
        head_s=env.seconds(f"{prefix}HEAD_TIMEOUT_SECONDS", known.head_s, least=0.1),
        idle_s=env.seconds(f"{prefix}KEEP_ALIVE_SECONDS", known.idle_s, least=0.1),
        stalled_s=env.seconds(f"{prefix}STALL_TIMEOUT_SECONDS", known.stalled_s, least=0.1),
    )
