"""Results such as a run brings."""

import pytest

from loadtest.bench.core.metric import Metric, Values
from loadtest.bench.core.names import (
    ANSWER,
    EVENTS,
    GO,
    IDLE,
    NGINX,
    OURS,
    OURS_LIMITED,
    POST_1,
    POST_32,
)
from loadtest.bench.core.results import Results


def load_values(cpu_us: float, p50_ms: float = 1.0, failed: float = 0) -> Values:
    return {
        Metric.CPU_US: cpu_us,
        Metric.CPU_SPREAD_PERCENT: 7.4,
        Metric.PER_SECOND: 12345.6,
        Metric.P50_MS: p50_ms,
        Metric.P99_MS: 9.0,
        Metric.RSS_MIB: 30.0,
        Metric.FAILED: failed,
    }


def idle_values(mib: float, kib: float) -> Values:
    return {Metric.IDLE_MIB: mib, Metric.CONNECTION_KIB: kib}


@pytest.fixture
def results() -> Results:
    return Results(
        date="2026-11-22",
        machine={"Processor": "abacus", "Cores": "2"},
        versions={"wrk": "4.1.0", "nginx": "1.22.1"},
        peers={OURS: "ours", OURS_LIMITED: "ours, limited", NGINX: "one worker", GO: "theirs"},
        skipped={"haproxy": "haproxy is not installed: apt-get install haproxy"},
        cases={
            POST_1: "one",
            POST_32: "thirty-two",
            ANSWER: "large",
            EVENTS: "events",
            IDLE: "idle",
        },
        rounds=3,
        seconds=4,
        measured={
            POST_1: {
                OURS: load_values(80, p50_ms=0.9),
                OURS_LIMITED: load_values(80, p50_ms=0.95),
                NGINX: load_values(40),
                GO: load_values(160, p50_ms=1.0),
            },
            POST_32: {
                OURS: load_values(40),
                OURS_LIMITED: load_values(50),
                NGINX: load_values(20),
                GO: load_values(90),
            },
            ANSWER: {
                OURS: load_values(310),
                OURS_LIMITED: load_values(250, failed=3),
                NGINX: load_values(200),
                GO: load_values(400),
            },
            EVENTS: {
                OURS: load_values(20),
                OURS_LIMITED: load_values(20),
                NGINX: load_values(20, p50_ms=float("nan"), failed=200),
                GO: load_values(30),
            },
            IDLE: {
                OURS: idle_values(30.5, 2.5),
                OURS_LIMITED: idle_values(35.1, 4.0),
                NGINX: idle_values(14, 0.5),
                GO: idle_values(6, 20),
            },
        },
    )
