"""The API server is away for minutes: what runs goes on, and what was missed is made up for."""

import time

import pytest

from tests.cluster.api_server import ApiServer
from tests.cluster.cluster import eventually
from tests.cluster.installation import Installation
from tests.cluster.tenant import Tenant
from tests.cluster.test_scaling import ONE_EACH, wait_for_answers, wait_for_zero

pytestmark = pytest.mark.cluster

AWAY_S = 130
"""Longer than the Lease (15 s), the time-out of calls, and the silence that a watch may have."""

INTO_IT_S = 30


def test_an_api_that_is_away_takes_nothing_down(tenant: Tenant, installation: Installation) -> None:
    api_server = ApiServer(tenant.cluster)
    bounds = {
        "autoscaling.knative.dev/max-scale": "3",
        # Otherwise one request in one slot asks for a second pod.
        "autoscaling.knative.dev/target-utilization-percentage": "100",
    }
    for name in ("iris", "bert"):
        tenant.deploy(name, annotations=bounds, pod_annotations=ONE_EACH)
        wait_for_answers(tenant, name)
        wait_for_zero(tenant, name)
    # It is at zero, too, until just before the API goes.
    steady = tenant.load(path="/?sleep=200")
    (pod,) = tenant.wait_for_pods(1)
    more = tenant.load(path="/?sleep=200", workers=5, after_s=INTO_IT_S)
    held = tenant.load("bert", requests=1, after_s=INTO_IT_S)
    eventually(lambda: steady.result().statuses.get("200"), "requests are answered")
    before = steady.result()
    with api_server.away():
        time.sleep(AWAY_S)
    after = steady.result()
    assert set(after.statuses) == {"200"}, after.errors
    assert after.statuses["200"] > before.statuses["200"] + AWAY_S / 10, "they went on all the time"
    assert held.wait().statuses == {"200": 1}, "it waited for the API and for a pod"
    # What the load has asked for since is done now, by one leader.
    pods = tenant.wait_for_pods(3)
    assert pod["metadata"]["uid"] in {one["metadata"]["uid"] for one in pods}
    assert installation.leader() in {
        one["metadata"]["name"] for one in installation.pods("autoscaler")
    }
    for load in (steady, more):
        result = load.stop()
        assert set(result.statuses) == {"200"}, result.errors
        assert max(result.peaks.values()) == 1
    # And watches go on: what happens from now on is seen.
    wait_for_zero(tenant)
    assert tenant.get().statuses == {"200": 1}
    tenant.deploy("gpt", annotations=bounds)
    wait_for_answers(tenant, "gpt")
