"""Results as a run would have them."""

from loadtest.bench_autoscaler.core.results import Metric, Results, Values


def values(cores: float, per_second: float = 5000.0, **more: float) -> Values:
    return {
        Metric.CORES: cores,
        Metric.CPU_US: 50.0,
        Metric.PER_SECOND: per_second,
        **{Metric(name): value for name, value in more.items()},
    }


def results(*, most_cores: float = 0.4) -> Results:
    return Results(
        date="2026-01-02",
        machine={"Processor": "a fast one"},
        versions={"uvloop": "0.21"},
        rounds=2,
        seconds=8,
        revisions=(1000, 10_000),
        stats_per_second=20_000,
        activators=10,
        pods=2000,
        pokes=300,
        measured={
            "decide 1000": values(0.05, revision_kib=11.0),
            "decide 10000": values(most_cores, revision_kib=10.0),
            "poke": {Metric.P50_MS: 2.0, Metric.P99_MS: 12.5, Metric.LOST: 0},
            "receive inflight": values(0.2, 20_000),
            "receive websockets": values(0.1),
            "scrape inflight": values(0.25, lost=0),
            "scrape aiohttp": values(0.6, lost=3),
        },
    )
