"""Asks pods, before a workload is taken over, whether their sidecars can be reached."""

import asyncio
from collections.abc import Iterable
from typing import Final

from servingkit.core.revision import Address, Pod
from servingkit.http1.client import FetchError, HttpClient

_TIMEOUT_S: Final = 3.0
_MOST_PODS: Final = 3
_PROBE: Final = (
    (b"K-Network-Probe", b"queue"),
    (b"User-Agent", b"Knative-Autoscaling-Probe"),
)


async def what_does_not_answer(client: HttpClient, pods: Iterable[Pod]) -> str | None:
    """Return what is in the way when a port of the first ready pods cannot be reached."""
    for pod in tuple(pods)[:_MOST_PODS]:
        problems = await asyncio.gather(
            _ask(client, pod.serving, b"/"), _ask(client, pod.stats, b"/metrics")
        )
        for address, problem in zip((pod.serving, pod.stats), problems, strict=True):
            if problem is not None:
                return f"{problem} from the sidecar of pod {pod.name} at port {address.port}"
    return None


async def _ask(client: HttpClient, address: Address, path: bytes) -> str | None:
    """Return why an address gives no HTTP answer; any answer will do."""
    try:
        await client.fetch(address, b"GET", path, _PROBE, timeout_s=_TIMEOUT_S)
    except FetchError as error:
        return (
            f"no answer ({error}; does a NetworkPolicy keep the autoscaler out, or does a mesh ask"
            " for mTLS?)"
        )
    return None
