"""Asks pods directly whether they serve, and how many requests they take at once.

A held request should not wait until readiness has travelled from the kubelet through the cluster's
API to here; a pod whose connection failed should be used again as soon as it answers. Who is to be
asked, and for how long, is decided in `core.throttler`.
"""

import asyncio
from http import HTTPStatus
from typing import Final, Protocol

from activator.core.pod_tracker import PodTracker
from servingkit.clock import monotonic
from servingkit.core.revision import Address
from servingkit.core.whole_number import whole_number
from servingkit.http1.client import Fetched, FetchError, HttpClient

PROBE_PERIOD_S: Final = 0.05
PROBE_TIMEOUT_S: Final = 0.3

_LONGEST_PERIOD_S: Final = 1.0
_PERIOD_RATIO: Final = 0.01
"""Of the time that a pod has been asked in vain: a long start is noticed 1 % later, and no probe a
second more is sent than that is worth."""

_MOST_CONCURRENCY: Final = 999_999_999
"""Of a stated concurrency: no pod takes more, and int() refuses thousands of digits."""

_HEADERS: Final = (
    (b"User-Agent", b"Knative-Activator-Probe"),
    (b"K-Network-Probe", b"queue"),
)


class Probed(Protocol):
    """Who wants to know."""

    def wants_probe(self, pod: PodTracker) -> bool:
        """Tell whether `pod` should be asked, now or again."""
        ...

    def probe_passed(self, pod: PodTracker, container_concurrency: int | None) -> None:
        """Take a good answer; None: it did not state its container concurrency."""
        ...


def probe_period_s(asked_for_s: float) -> float:
    """Return the time from one probe to the next, for a pod that has been asked for so long."""
    return min(max(PROBE_PERIOD_S, asked_for_s * _PERIOD_RATIO), _LONGEST_PERIOD_S)


class PodProber:
    """Probes each pod in a task of its own, so that a slow one delays nobody."""

    def __init__(self, client: HttpClient, tasks: asyncio.TaskGroup) -> None:
        self._client = client
        self._tasks = tasks

    def probe(self, pod: PodTracker, probed: Probed) -> None:
        """Ask `pod` for as long as it is wanted, at first every 50 ms; returns at once."""
        if not pod.probing and probed.wants_probe(pod):
            pod.probing = True
            self._tasks.create_task(self._probe_while_wanted(pod, probed))

    async def _probe_while_wanted(self, pod: PodTracker, probed: Probed) -> None:
        began_at = monotonic()
        while probed.wants_probe(pod):
            asked_at = monotonic()
            answer = await self._ask(pod.address)
            if answer is not None:
                probed.probe_passed(pod, _stated_concurrency(answer))
            await asyncio.sleep(asked_at + probe_period_s(asked_at - began_at) - monotonic())
        pod.probing = False

    async def _ask(self, address: Address) -> Fetched | None:
        """Return the answer of a pod that serves."""
        try:
            answer = await self._client.fetch(
                address, b"GET", b"/", _HEADERS, timeout_s=PROBE_TIMEOUT_S
            )
        except FetchError:
            return None
        return answer if answer.status == HTTPStatus.OK and answer.body == b"queue" else None


def _stated_concurrency(answer: Fetched) -> int | None:
    """Return the pod's container concurrency; Knative's sidecar does not state it."""
    value = answer.headers.get(b"inflight-container-concurrency", b"")
    return whole_number(value, _MOST_CONCURRENCY)
