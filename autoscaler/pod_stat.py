"""Asks one pod for its stat: `GET /metrics` of its sidecar, a `Stat` in protobuf."""

from typing import Final

from servingkit.core.revision import Pod
from servingkit.core.stat import Stat
from servingkit.http1.client import HttpClient
from servingkit.stat_wire import StatDecodeError, decode_stat

_TIMEOUT_S: Final = 3.0
_OK: Final = 200
_MOST_STAT_BYTES: Final = 336
"""Six numbers of 10 bytes, a name of 256, and 20 more; Knative's limit."""


async def fetch_stat(client: HttpClient, pod: Pod) -> Stat:
    """Return what a pod reports. Raises FetchError, and StatDecodeError for no stat of its own."""
    answer = await client.fetch(pod.stats, b"GET", b"/metrics", timeout_s=_TIMEOUT_S)
    if answer.status != _OK or len(answer.body) > _MOST_STAT_BYTES:
        reason = f"status {answer.status}, {len(answer.body)} bytes"
        raise StatDecodeError(reason)
    stat = decode_stat(answer.body)
    if stat.pod_name != pod.name:
        # Its address may belong to another pod by now.
        reason = f"{stat.pod_name!r} answered for {pod.name!r}"
        raise StatDecodeError(reason)
    return stat
