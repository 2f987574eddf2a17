"""Asks pods, before a workload is taken over, whether their sidecars can be reached."""

import asyncio
from collections.abc import Iterable
from typing import Final

import aiohttp

from servingkit.core.revision import Address, Pod

_TIMEOUT_S: Final = 3.0
_MOST_PODS: Final = 3
_PROBE: Final = {"K-Network-Probe": "queue", "User-Agent": "Knative-Autoscaling-Probe"}


async def what_does_not_answer(pods: Iterable[Pod]) -> str | None:
    """Return what is in the way when a port of the first ready pods cannot be reached."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as session:
        for pod in tuple(pods)[:_MOST_PODS]:
            answers = await asyncio.gather(
                _ask(session, pod.serving, "/"), _ask(session, pod.stats, "/metrics")
            )
            for address, problem in zip((pod.serving, pod.stats), answers, strict=True):
                if problem is not None:
                    return f"{problem} from the sidecar of pod {pod.name} at port {address.port}"
    return None


async def _ask(session: aiohttp.ClientSession, address: Address, path: str) -> str | None:
    """Return why an address gives no HTTP answer; any answer will do."""
    try:
        async with session.get(f"http://{address}{path}", headers=_PROBE):
            return None
    except TimeoutError:
        return (
            f"no answer within {_TIMEOUT_S:g} s (does a NetworkPolicy keep the autoscaler out, or"
            " does a mesh ask for mTLS?)"
        )
    except aiohttp.ClientError as error:
        return f"no answer ({str(error) or type(error).__name__})"
