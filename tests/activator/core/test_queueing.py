"""How evenly pods are used, and what a noisy tenant does to a quiet one: in virtual time."""

import random
from collections import Counter

import pytest

from activator.core.admission_settings import AdmissionSettings
from activator.core.claim import Claim
from activator.core.lb_policy import LbPolicyName
from tests.activator.core.queueing import Arrival, Queueing, p95, poisson

PODS = 8
SLOTS = 4
QUIET = Claim(tenant=b"quiet")
NOISY = Claim(tenant=b"noisy")


def seeded(number: int = 1) -> random.Random:
    return random.Random(number)  # noqa: S311 -- the same load in each run


@pytest.mark.parametrize(
    ("policy", "most"),
    [
        pytest.param(LbPolicyName.LEAST_LOADED, 1.15, id="least loaded"),
        pytest.param(LbPolicyName.ROUND_ROBIN, 1.15, id="round robin"),
        pytest.param(LbPolicyName.RANDOM_OF_TWO, 1.15, id="random of two"),
    ],
)
def test_the_busiest_pod_does_little_more_than_the_mean_at_60_percent_load(
    policy: LbPolicyName, most: float
) -> None:
    arrivals = poisson(seeded(), rate=0.6 * PODS * SLOTS, until=500.0, mean_service_s=1.0)
    played = Queueing(AdmissionSettings(lb_policy=policy), PODS, SLOTS).play(arrivals)
    assert len(played.served) == len(arrivals)
    requests = dict.fromkeys((served.pod for served in played.served), 0.0)
    work = dict(requests)
    for served in played.served:
        requests[served.pod] += 1
        work[served.pod] += served.arrival.service_s
    for done in (requests, work):
        assert max(done.values()) <= most * sum(done.values()) / PODS


def test_filling_pods_one_after_the_other_leaves_some_idle() -> None:
    arrivals = poisson(seeded(), rate=0.6 * PODS * SLOTS, until=200.0, mean_service_s=1.0)
    settings = AdmissionSettings(lb_policy=LbPolicyName.FIRST_AVAILABLE)
    played = Queueing(settings, PODS, SLOTS).play(arrivals)
    requests = Counter(served.pod for served in played.served)
    assert requests["pod-7"] < requests["pod-0"] / 4


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_noisy_tenant_leaves_a_quiet_one_within_twice_its_p95_alone(seed: int) -> None:
    share = PODS * SLOTS / 2  # of requests a second, at a mean of one second
    settings = AdmissionSettings(tenant_header=b"x-tenant", tenant_queue_limit=200)
    quiet = poisson(seeded(seed), 0.8 * share, 200.0, 1.0, QUIET)
    noisy = poisson(seeded(seed + 100), 10 * share, 200.0, 1.0, NOISY)

    def quiet_p95(load: list[Arrival]) -> float:
        played = Queueing(settings, PODS, SLOTS).play(load)
        latencies = [s.latency_s for s in played.served if s.arrival.claim == QUIET]
        assert len(latencies) == len(quiet)  # none is turned away
        return p95(latencies)

    assert quiet_p95(quiet + noisy) <= 2 * quiet_p95(quiet)


def test_without_fair_sharing_the_quiet_tenant_waits_as_long_as_the_noisy_one() -> None:
    share = PODS * SLOTS / 2
    settings = AdmissionSettings(queue_limit=200)
    quiet = poisson(seeded(1), 0.8 * share, 100.0, 1.0)
    noisy = poisson(seeded(101), 10 * share, 100.0, 1.0)
    played = Queueing(settings, PODS, SLOTS).play(quiet + noisy)
    alone = Queueing(settings, PODS, SLOTS).play(quiet)
    asked = set(quiet)
    latencies = [s.latency_s for s in played.served if s.arrival in asked]
    assert p95(latencies) > 2 * p95(s.latency_s for s in alone.served)


def test_slots_follow_the_weights_of_tenants_that_wait() -> None:
    settings = AdmissionSettings(tenant_header=b"x-tenant")
    gold, iron = Claim(tenant=b"gold", weight=3), Claim(tenant=b"iron")
    loads = [poisson(seeded(n), 100.0, 50.0, 1.0, claim) for n, claim in enumerate((gold, iron))]
    played = Queueing(settings, PODS, SLOTS).play(loads[0] + loads[1])
    busy = played.served[: len(played.served) // 4]  # both have requests waiting
    turns = Counter(served.arrival.claim.tenant for served in busy)
    assert turns[b"gold"] / turns[b"iron"] == pytest.approx(3.0, rel=0.15)
