import ipaddress

import pytest

from loadtest.bench_autoscaler.synthetic_cluster import (
    SyntheticCluster,
    busy_id,
    idle_id,
    pod_address,
    pod_number,
)
from servingkit.core.revision import PodState, RevisionId


@pytest.mark.parametrize("number", [0, 1, 249, 250, 62_499, 62_500, 100_000])
def test_each_pod_has_a_loopback_address_of_its_own(number: int) -> None:
    address = pod_address(number)
    assert ipaddress.ip_address(address).is_loopback
    assert pod_number(address) == number


@pytest.mark.asyncio
async def test_busy_revisions_have_pods_and_idle_ones_note_when_they_are_woken() -> None:
    cluster = SyntheticCluster(2, 3, 2, stats_port=7)
    told: list[RevisionId] = []
    cluster.on_revision_change(told.append)
    assert told == [busy_id(0), busy_id(1), idle_id(0), idle_id(1)]
    pods = [pod for number in (0, 1) for pod in cluster.pods(busy_id(number))]
    assert len({pod.name for pod in pods}) == len({pod.stats for pod in pods}) == 6
    assert {(pod.state, pod.stats.port) for pod in pods} == {(PodState.READY, 7)}
    assert await cluster.get_scale(busy_id(0)) == 3
    await cluster.set_scale(busy_id(0), 1)
    assert await cluster.get_scale(busy_id(0)) == 1
    await cluster.set_scale(idle_id(1), 0)
    await cluster.set_scale(idle_id(1), 2)
    assert [number for number, _ in cluster.woken] == [1]
    assert await cluster.get_scale(idle_id(1)) == 0
    assert cluster.scale_reads == 3
