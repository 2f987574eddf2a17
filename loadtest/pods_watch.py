"""Watches a revision's pods through the control API, on one machine and on a cluster alike."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import aiohttp

from loadtest.core.timeline import PodsSample
from servingkit.clock import monotonic

PERIOD_S = 0.5
TIMEOUT = aiohttp.ClientTimeout(total=2)


def parse_status(status: dict[str, Any], at: float) -> PodsSample:
    """Return what `GET /v1/revisions/NAMESPACE/NAME` said. Raises KeyError for another API."""
    return PodsSample(
        at=at,
        target_in_flight=status["target_value"] if status["metric"] == "concurrency" else None,
        concurrency=status["concurrency"],
        desired_pods=status["desired_pods"],
        ready_pods=status["ready_pods"],
        starting_pods=status["starting_pods"],
        terminating_pods=status["terminating_pods"],
        panicking=status["panicking"],
        reason=status["reason"],
    )


class PodsWatch:
    """Keeps every sample since `run` began; the API may be away for a while."""

    def __init__(self, api: str, revision: str, on_sample: Callable[[PodsSample], None]) -> None:
        """Watch `revision`, written NAMESPACE/NAME, through the API at the URL `api`."""
        self.samples: list[PodsSample] = []
        self._url = f"{api}/v1/revisions/{revision}"
        self._on_sample = on_sample
        self._sampled = asyncio.Condition()

    def __repr__(self) -> str:
        return f"<PodsWatch {self._url}, {len(self.samples)} samples>"

    async def run(self) -> None:
        """Take a sample each half second until cancelled."""
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            while True:
                sample = await self._sample(session)
                if sample is not None:
                    await self._keep(sample)
                await asyncio.sleep(PERIOD_S)

    async def until(
        self, condition: Callable[[PodsSample], bool], within_s: float
    ) -> PodsSample | None:
        """Return the first sample from now on that meets the condition; None: none did in time."""
        seen = len(self.samples)

        def newest_meets_it() -> bool:
            return len(self.samples) > seen and condition(self.samples[-1])

        try:
            async with asyncio.timeout(within_s), self._sampled:
                await self._sampled.wait_for(newest_meets_it)
        except TimeoutError:
            return None
        return self.samples[-1]

    async def _keep(self, sample: PodsSample) -> None:
        self.samples.append(sample)
        self._on_sample(sample)
        async with self._sampled:
            self._sampled.notify_all()

    async def _sample(self, session: aiohttp.ClientSession) -> PodsSample | None:
        try:
            async with session.get(self._url) as answer:
                if answer.status != HTTPStatus.OK:
                    return None
                return parse_status(await answer.json(), monotonic())
        except (aiohttp.ClientError, TimeoutError):
            return None
