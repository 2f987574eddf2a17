"""Scenarios for tests, with as little said as can be."""

from random import Random
from typing import Any

from autoscaler.core.defaults import Defaults
from autoscaler.core.settings import PREFIX, parse_annotations
from inflight.simulate.core.load import Level, Load, LoadKind
from inflight.simulate.core.outcome import Outcome
from inflight.simulate.core.service_time import Distribution, ServiceTime, Uniform
from inflight.simulate.core.simulation import Chance, Model, Scenario, simulate
from servingkit.core.annotation_names import OF_SCALING, OUR_PREFIX


def scenario(
    *,
    container_concurrency: int = 1,
    service_s: float = 1.0,
    distribution: Distribution = Distribution.FIXED,
    pod_start_s: float = 0.0,
    queue_limit: int = 1_000_000,
    scaling: dict[str, Any] | None = None,
) -> Scenario:
    annotations = {
        (OUR_PREFIX if name in OF_SCALING else PREFIX) + name: str(value)
        for name, value in (scaling or {}).items()
    }
    return Scenario(
        model=Model(
            service_time=ServiceTime(mean_s=service_s, distribution=distribution),
            pod_start_s=pod_start_s,
            queue_limit=queue_limit,
        ),
        scaling=parse_annotations(annotations, Defaults(allow_zero_initial_scale=True)),
        begin_wall_s=0.0,
        container_concurrency=container_concurrency,
    )


def uniform(seed: int) -> Uniform:
    return Random(seed).random  # noqa: S311 -- chance, not a secret


def fixed_pods(pods: int) -> dict[str, Any]:
    return {"min-scale": pods, "max-scale": pods, "initial-scale": pods}


def arrivals(*levels: tuple[float, float]) -> Load:
    """Return a load of (seconds, arrivals per second)."""
    return _load(LoadKind.ARRIVALS, levels)


def users(*levels: tuple[float, float]) -> Load:
    """Return a load of (seconds, users)."""
    return _load(LoadKind.CONCURRENCY, levels)


def run(case: Scenario, load: Load, seed: int = 1) -> Outcome:
    return simulate(case, load, Chance(uniform(seed), uniform(seed + 1000)))


def _load(kind: LoadKind, levels: tuple[tuple[float, float], ...]) -> Load:
    made, begin_s = [], 0.0
    for length_s, value in levels:
        made.append(Level(begin_s, begin_s + length_s, value))
        begin_s += length_s
    return Load(kind, tuple(made))
