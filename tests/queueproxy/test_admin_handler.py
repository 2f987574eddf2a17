"""The stats port: bytes that Knative's autoscaler reads, and averages over whole seconds."""

import json
from pathlib import Path
from typing import Any

import pytest

from queueproxy.admin_handler import StatsHandler
from servingkit.core.request_stats import RequestStats
from servingkit.core.stat import Stat, encode_stat
from servingkit.stat_wire import decode_stat

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "stat_vectors.json").read_text()
)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["what"] for vector in VECTORS])
def test_stat_has_the_bytes_that_protobuf_gives_it(vector: dict[str, Any]) -> None:
    fields = dict(vector["stat"])
    stat = Stat(
        pod_name=fields.pop("pod_name", ""),
        process_uptime_s=fields.pop("process_uptime", 0.0),
        timestamp_s=fields.pop("timestamp", 0),
        **fields,
    )
    assert encode_stat(stat).hex() == vector["hex"]
    assert decode_stat(bytes.fromhex(vector["hex"])) == stat


def stat_of(handler: StatsHandler) -> Stat:
    return decode_stat(handler._message)


def test_there_is_only_a_name_before_the_first_second_is_over() -> None:
    stats = RequestStats(100)
    handler = StatsHandler("iris-1", stats, 100)
    stats.request_arrived(100)
    handler.tick(100.9)
    assert stat_of(handler) == Stat(pod_name="iris-1")


def test_report_is_of_the_second_that_is_over_and_stands_until_the_next() -> None:
    stats = RequestStats(100)
    handler = StatsHandler("iris-1", stats, 100)
    stats.request_arrived(100, proxied=True)
    stats.request_arrived(100.5)
    handler.tick(101)
    stats.request_left(101.25)
    handler.tick(101.5)
    first = Stat(
        pod_name="iris-1",
        average_concurrent_requests=1.5,
        average_proxied_concurrent_requests=1.0,
        request_count=2.0,
        proxied_request_count=1.0,
        process_uptime_s=1.0,
    )
    assert stat_of(handler) == first
    handler.tick(102)
    second = Stat(
        pod_name="iris-1",
        average_concurrent_requests=1.25,
        average_proxied_concurrent_requests=1.0,
        process_uptime_s=2.0,
    )
    assert stat_of(handler) == second


def test_counts_are_a_second_even_when_the_tick_is_late() -> None:
    stats = RequestStats(100)
    handler = StatsHandler("iris-1", stats, 100)
    for _ in range(6):
        stats.request_arrived(100)
    handler.tick(102)
    assert stat_of(handler).request_count == 3


def test_events_out_of_their_order_are_counted_and_take_no_time() -> None:
    stats = RequestStats(100)
    handler = StatsHandler("iris-1", stats, 100)
    stats.request_arrived(100.5)
    stats.request_arrived(100.25)  # its head was read before the other's
    handler.tick(101)
    stat = stat_of(handler)
    assert (stat.average_concurrent_requests, stat.request_count) == (1.0, 2.0)
    assert stats.concurrency == 2
