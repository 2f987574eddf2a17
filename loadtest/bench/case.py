"""Cases: what is measured, of a proxy that runs."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from loadtest.bench.connection import ask
from loadtest.bench.core.metric import KIB, MIB, MICROSECONDS, Metric, Values
from loadtest.bench.load import Load
from loadtest.bench.process import Usage, usage_of

Upstream = Literal["nginx", "events"]

USUAL_LIMIT: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long a proxy is driven."""

    warm_up_s: float
    measured_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy that serves."""

    port: int
    pid: int

    folder: Path
    """For files that belong to it."""

    def usage(self) -> Usage:
        """Return what it has used until now."""
        return usage_of(self.pid)


class Case(Protocol):
    """One thing to measure."""

    @property
    def name(self) -> str:
        """A word."""

    @property
    def title(self) -> str:
        """A heading."""

    @property
    def limit(self) -> int:
        """Requests at once that proxies with a limit are to have."""

    @property
    def upstream(self) -> Upstream:
        """Which upstream the proxy gets."""

    async def measure(self, proxy: Proxy, timing: Timing) -> Values:
        """Measure it."""


@dataclass(frozen=True, slots=True)
class LoadCase:
    """CPU, throughput, latency and memory under a load."""

    name: str
    title: str
    load: Load
    limit: int = USUAL_LIMIT
    upstream: Upstream = "nginx"

    async def measure(self, proxy: Proxy, timing: Timing) -> Values:
        """Drive the proxy, first to warm up."""
        await self.load.drive(proxy.port, timing.warm_up_s, proxy.folder)
        before = proxy.usage()
        seen = await self.load.drive(proxy.port, timing.measured_s, proxy.folder)
        after = proxy.usage()
        return {
            Metric.CPU_US: (after.cpu_s - before.cpu_s) * MICROSECONDS / max(seen.units, 1),
            Metric.PER_SECOND: seen.units / seen.duration_s,
            Metric.P50_MS: seen.p50_ms,
            Metric.P99_MS: seen.p99_ms,
            Metric.RSS_MIB: after.rss_bytes / MIB,
            Metric.FAILED: seen.failed,
        }


@dataclass(frozen=True, slots=True)
class IdleCase:
    """Memory without load, and what connections that do nothing add."""

    name: str
    title: str
    connections: int
    limit: int = USUAL_LIMIT
    upstream: Upstream = "nginx"

    async def measure(self, proxy: Proxy, timing: Timing) -> Values:
        """Open connections, one request on each, and hold them all."""
        await asyncio.sleep(timing.warm_up_s)
        before = proxy.usage()
        held: list[asyncio.StreamWriter] = []
        try:
            for _ in range(self.connections):
                held.append(await ask(proxy.port))  # noqa: PERF401  what is open must be closed
            await asyncio.sleep(timing.warm_up_s)
            after = proxy.usage()
        finally:
            for connection in held:
                connection.close()
        return {
            Metric.IDLE_MIB: before.rss_bytes / MIB,
            Metric.CONNECTION_KIB: (after.rss_bytes - before.rss_bytes) / KIB / self.connections,
        }
