"""The machine a run took place on, and its cores."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from loadtest.bench.core.bench_error import BenchError

LEAST_CORES: Final = 2


class TooFewCoresError(BenchError):
    """A proxy cannot have a core for itself here."""

    def __init__(self) -> None:
        super().__init__(f"the benchmark needs {LEAST_CORES} cores: one is the proxy's alone")


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where."""

    proxy: int
    others: frozenset[int]

    @classmethod
    def divide(cls) -> Self:
        """Divide the cores that we may use. Raises TooFewCoresError."""
        allowed = os.sched_getaffinity(0)
        if len(allowed) < LEAST_CORES:
            raise TooFewCoresError
        proxy = max(allowed)
        return cls(proxy, frozenset(allowed - {proxy}))


def describe_machine() -> Mapping[str, str]:
    """Return what a reader has to know of the machine, by name."""
    load = os.getloadavg()[0]
    return {
        "Processor": _processor(),
        "Cores": str(os.cpu_count()),
        "Kernel": f"{platform.system()} {platform.release()}",
        "Load before the run": f"{load:.2f} (1-minute average)",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
