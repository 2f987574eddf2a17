"""Replicas of the autoscaler, and what goes wrong around them."""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from autoscaler.defaults_source import DefaultsSource
from servingkit.cluster.kubernetes.permissions import AUTOSCALER
from tests.autoscaler.kubernetes.world import DEPLOYMENTS, HOST, SLICES, World
from tests.fakes.kube_api import Call, permitted
from tests.fakes.kube_objects import deployment, service

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

LEASES = "leases.coordination.k8s.io"
SCALE = "deployments/scale.apps"


def holder(world: World) -> str:
    lease = world.find(LEASES, "inflight-autoscaler", "inflight-system")
    return str(lease["spec"].get("holderIdentity", "")) if lease else ""


@pytest.mark.slow
async def test_a_held_request_wakes_a_revision(world: World) -> None:
    await world.start_stats(3)
    await world.start_activator()
    world.kube.put(DEPLOYMENTS, deployment(annotations={"autoscaling.knative.dev/window": "6s"}))
    replica = world.replica()
    held = 0.0
    world.report(replica, lambda: held)
    await world.until_managed()
    # The initial scale, and then idle for a window and the grace period.
    await world.until(lambda: world.replicas() == 1)
    await world.until(lambda: world.replicas() == 0)
    held = 3.0
    await world.until(lambda: world.replicas() > 0)


async def test_pods_receive_the_traffic_themselves_where_that_is_asked_for(world: World) -> None:
    await world.start_stats(1)
    world.put_activator()
    direct = {
        "autoscaling.knative.dev/target-burst-capacity": "0",
        "autoscaling.knative.dev/min-scale": "1",
    }
    world.kube.put(DEPLOYMENTS, deployment(replicas=1, annotations=direct))
    replica = world.replica()
    world.report(replica, lambda: 0.0)
    (server,) = world.stats.values()
    await world.until(lambda: world.receivers() == {(HOST, server.address.port)})


async def test_a_pod_that_is_to_go_next_receives_no_more(world: World) -> None:
    await world.start_stats(2)
    # The first is the idler one, and not idle, so that it is waited for.
    world.busy = lambda pod: 0.5 if pod.endswith("001") else 1.0
    world.put_activator()
    direct = {
        "autoscaling.knative.dev/target": "10",
        "autoscaling.knative.dev/target-burst-capacity": "0",
        "autoscaling.knative.dev/min-scale": "2",
    }
    world.kube.put(DEPLOYMENTS, deployment(replicas=2, annotations=direct))
    replica = world.replica()
    world.report(replica, lambda: 0.0)
    first, second = (
        {(HOST, world.stats[f"iris-7d9f-{number}"].address.port)} for number in ("001", "002")
    )
    # Both are at one address here; a slice has the port of the oldest that may be used.
    await world.until(lambda: world.receivers() == first)
    pods_then: list[int] = []

    def note_pods() -> None:
        if world.receivers() == second:
            pods_then.append(world.replicas())

    world.kube.after_change.append(note_pods)
    fewer = {"metadata": {"annotations": {"autoscaling.knative.dev/min-scale": "1"}}}
    world.kube.edit(DEPLOYMENTS, "shop", "iris", fewer)
    await world.until(lambda: pods_then)
    assert pods_then[0] == 2


@pytest.mark.slow
async def test_the_last_pod_stays_while_no_activator_can_take_the_traffic(world: World) -> None:
    await world.start_stats(1)
    window = {"autoscaling.knative.dev/window": "6s"}
    world.kube.put(DEPLOYMENTS, deployment(replicas=1, annotations=window))
    replica = world.replica()
    (server,) = world.stats.values()
    await world.until(lambda: world.receivers() == {(HOST, server.address.port)})
    # Idle for longer than the window and the grace period, and some ticks.
    await asyncio.sleep(14)
    assert world.replicas() == 1
    host = await world.start_activator()
    world.report(replica, lambda: 0.0)
    await world.until(lambda: world.replicas() == 0)
    assert world.receivers() == {(host, world.activator_port())}


@pytest.mark.slow
async def test_the_last_pod_stays_while_the_public_address_leads_elsewhere(world: World) -> None:
    await world.start_stats(1)
    world.put_activator()  # that takes no connections
    window = {"autoscaling.knative.dev/window": "6s"}
    world.kube.put(DEPLOYMENTS, deployment(replicas=1, annotations=window))
    replica = world.replica()
    world.report(replica, lambda: 0.0)
    await world.until_managed()
    await world.until(lambda: world.receivers() == {(HOST, world.activator_port())})
    await world.until(lambda: world.events("LastPodHeld"))
    (said,) = world.events("LastPodHeld")
    (port,) = world.the("services", "iris")["spec"]["ports"]
    stays = "The last pod stays, for no activator answers where clients go"
    assert said.startswith(f"{stays}: {HOST}:{port['port']} gave no answer (")
    assert world.replicas() == 1
    await world.start_activator()
    await world.until(lambda: world.replicas() == 0)


# --- leaders -------------------------------------------------------------------------------------


async def test_one_replica_writes_and_the_next_goes_on_at_once_when_it_ends(world: World) -> None:
    world.put_activator()
    first = world.replica("autoscaler-1")
    await world.until(lambda: holder(world) == "autoscaler-1")
    world.replica("autoscaler-2")
    world.kube.put(DEPLOYMENTS, deployment())
    await world.until_managed()
    await first.stop()
    # Given back, not run out: the other needs no 15 s.
    await world.until(lambda: holder(world) == "autoscaler-2")
    transitions = world.the(LEASES, "inflight-autoscaler", "inflight-system")["spec"]
    assert transitions["leaseTransitions"] >= 2
    world.kube.put(DEPLOYMENTS, deployment("bert"))
    await world.until_managed("bert")


async def test_odd_annotations_are_passed_over_and_told_of(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    many_digits = "9" * 5000
    world.put_activator()
    world.kube.put(DEPLOYMENTS, deployment())
    world.replica()
    await world.until_managed()
    service = world.the("services", "iris-private")
    service["metadata"]["annotations"] |= {
        "inflight.dev/state": '{"initialised": "perhaps"}',
        "inflight.dev/activator-port": many_digits,
        "inflight.dev/leaving": ",,\x00,",
    }
    world.kube.put("services", service)
    odd = deployment("odd")
    odd["spec"]["template"]["metadata"]["annotations"] = {
        "inflight.dev/container-concurrency": many_digits
    }
    world.kube.put(DEPLOYMENTS, odd)
    world.replica("autoscaler-2")
    await world.until(lambda: "state not read" in caplog.messages)
    await world.until(
        lambda: any("container-concurrency" in it for it in world.events("NotManaged"))
    )
    world.kube.put(DEPLOYMENTS, deployment("bert"))
    await world.until_managed("bert")


async def test_a_new_leader_keeps_the_scale(world: World) -> None:
    await world.start_stats(3)
    world.put_activator()
    settings = {"autoscaling.knative.dev/target": "1", "autoscaling.knative.dev/max-scale": "3"}
    world.kube.put(DEPLOYMENTS, deployment(annotations=settings))
    first = world.replica("autoscaler-1")
    await world.until(lambda: holder(world) == "autoscaler-1")
    second = world.replica("autoscaler-2")
    for replica in (first, second):
        world.report(replica, lambda: 9.0)
    await world.until(lambda: world.replicas() == 3)
    seen: set[int] = set()
    world.kube.after_change.append(lambda: seen.add(world.replicas()))
    await first.kill()
    await world.until(lambda: holder(world) == "autoscaler-2")
    # It has decided and written its state by then.
    await world.until(
        lambda: (
            world.kube.calls[-1] != Call("patch", LEASES, "inflight-system", "")
            and world.receivers()
        )
    )
    await asyncio.sleep(3)
    assert seen == {3}


@pytest.mark.slow
async def test_a_leader_that_cannot_renew_writes_no_more(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.put_activator()
    world.replica()
    await world.until(lambda: holder(world) == "autoscaler-1")
    world.kube.faults.forbidden = {("patch", LEASES)}
    await world.until(lambda: "not leading" in caplog.messages)
    world.kube.put(DEPLOYMENTS, deployment())
    await asyncio.sleep(1)
    assert not world.kube.all("services")
    world.kube.faults.forbidden.clear()
    await world.until_managed()


# --- the API -------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_while_the_api_is_away_nothing_is_torn_down_and_then_it_goes_on(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.put_activator()
    world.kube.put(DEPLOYMENTS, deployment())
    world.replica()
    await world.until_managed()
    slices = world.our_slices()
    world.kube.faults.away = True
    world.kube.cut_watches()
    await world.until(lambda: "not leading" in caplog.messages)
    world.kube.put(DEPLOYMENTS, deployment("bert"))
    world.kube.faults.away = False
    await world.until_managed("bert")
    names = {one["metadata"]["name"] for one in world.our_slices()}
    assert names == {one["metadata"]["name"] for one in slices}


async def test_conflicts_do_not_keep_a_scale_from_being_written(world: World) -> None:
    world.put_activator()
    world.kube.put(DEPLOYMENTS, deployment())
    world.kube.faults.before_write.append(lambda _: None)
    world.replica()

    def storm(call: Call) -> None:
        if call.resource == SCALE:
            world.kube.faults.conflicts = 3
        world.kube.faults.before_write.append(storm)

    world.kube.faults.before_write[:] = [storm]
    await world.until(lambda: world.kube.called("patch", SCALE) >= 1)
    world.kube.faults.before_write.clear()
    await world.until(lambda: world.replicas() == 1)
    assert world.kube.called("patch", SCALE) >= 3


async def test_a_refusal_names_what_was_not_allowed(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.put_activator()
    world.kube.put(DEPLOYMENTS, deployment())
    world.kube.faults.forbidden = {("patch", SCALE)}
    world.replica()
    await world.until(
        lambda: "cluster refused" in caplog.messages and world.kube.called("patch", SCALE)
    )

    def said() -> bool:
        return any(
            "patch deployments/scale.apps 'iris' in shop: 403" in str(vars(one).get("reason"))
            for one in caplog.records
        )

    await world.until(said)


# --- everything ----------------------------------------------------------------------------------


async def test_calls_nothing_that_the_table_of_permissions_lacks(world: World) -> None:
    """And nothing is in the table that is not called."""
    await world.start_stats(4)
    world.put_activator()
    world.kube.put("services", service("bert"))
    adopt = {"inflight.dev/adopt-service": "bert"}
    world.kube.put(DEPLOYMENTS, deployment("bert", annotations=adopt))
    hpa = {"autoscaling.knative.dev/class": "hpa.autoscaling.knative.dev"}
    world.kube.put(DEPLOYMENTS, deployment("gpt", annotations=hpa))
    several = {"autoscaling.knative.dev/min-scale": "2"}
    world.kube.put(DEPLOYMENTS, deployment(annotations=several))
    replica = world.replica()
    world.report(replica, lambda: 0.0)
    await world.until(lambda: world.replicas() == 2)
    await world.until(lambda: world.find("horizontalpodautoscalers.autoscaling", "gpt"))
    most = {"metadata": {"annotations": {"autoscaling.knative.dev/max-scale": "7"}}}
    world.kube.edit(DEPLOYMENTS, "shop", "gpt", most)
    await world.until(lambda: world.kube.called("patch", "horizontalpodautoscalers.autoscaling"))
    fewer = {"metadata": {"annotations": {"autoscaling.knative.dev/min-scale": "1"}}}
    world.kube.edit(DEPLOYMENTS, "shop", "iris", fewer)
    await world.until(lambda: world.replicas() == 1)
    await world.until(lambda: not world.the("services", "bert")["spec"].get("selector"))
    world.kube.edit(
        DEPLOYMENTS,
        "shop",
        "gpt",
        {
            "metadata": {
                "annotations": {"autoscaling.knative.dev/class": "kpa.autoscaling.knative.dev"}
            }
        },
    )
    await world.until(lambda: not world.find("horizontalpodautoscalers.autoscaling", "gpt"))
    await replica.stop()
    await world.make("give-back").give_back()
    called = {(call.verb, call.resource) for call in world.kube.calls}
    assert called == permitted(AUTOSCALER)
    assert {call.namespace for call in world.kube.calls if call.resource == LEASES} == {
        "inflight-system"
    }
    assert not world.kube.all(SLICES, "shop") or not world.our_slices()


# --- which pod goes ------------------------------------------------------------------------------


@pytest.mark.slow
async def test_the_busy_pod_stays(world: World) -> None:
    await world.start_stats(3)
    world.busy = lambda pod: 1.0 if pod.endswith("001") else 0.0
    world.put_activator()
    settings = {
        "autoscaling.knative.dev/min-scale": "3",
        "autoscaling.knative.dev/target": "10",
    }
    world.kube.put(DEPLOYMENTS, deployment(annotations=settings))
    replica = world.replica()
    world.report(replica, lambda: 0.0)
    await world.until(lambda: world.replicas() == 3)
    marks: list[str] = []

    def note_marks() -> None:
        private = world.find("services", "iris-private")
        leaving = (private or {"metadata": {}})["metadata"].get("annotations", {})
        marks.append(leaving.get("inflight.dev/leaving", ""))

    world.kube.after_change.append(note_marks)
    fewer = {"metadata": {"annotations": {"autoscaling.knative.dev/min-scale": "1"}}}
    world.kube.edit(DEPLOYMENTS, "shop", "iris", fewer)
    await world.until(lambda: world.replicas() == 1)
    (left,) = world.kube.all("pods", "shop")
    assert left["metadata"]["name"].endswith("001")
    assert any(marks)
    # When all is over no mark is left.
    await world.until(
        lambda: (
            "inflight.dev/leaving"
            not in world.the("services", "iris-private")["metadata"]["annotations"]
        )
    )


@pytest.mark.slow
async def test_marks_go_when_the_pods_are_wanted_after_all(world: World) -> None:
    await world.start_stats(3)
    world.busy = lambda _: 1.0  # so that nobody may go
    world.put_activator()
    settings = {
        "autoscaling.knative.dev/min-scale": "3",
        "autoscaling.knative.dev/target": "10",
    }
    world.kube.put(DEPLOYMENTS, deployment(annotations=settings))
    replica = world.replica()
    world.report(replica, lambda: 0.0)
    await world.until(lambda: world.replicas() == 3)
    cost = "controller.kubernetes.io/pod-deletion-cost"

    def marked() -> int:
        pods = world.kube.all("pods", "shop")
        return sum(cost in (pod["metadata"].get("annotations") or {}) for pod in pods)

    fewer = {"metadata": {"annotations": {"autoscaling.knative.dev/min-scale": "1"}}}
    world.kube.edit(DEPLOYMENTS, "shop", "iris", fewer)
    await world.until(lambda: marked() == 2)
    world.kube.edit(DEPLOYMENTS, "shop", "iris", {"metadata": {"annotations": settings}})
    await world.until(lambda: marked() == 0)
    assert world.replicas() == 3


async def test_changed_defaults_hold_for_what_is_kept_on_the_cluster(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "config-autoscaler.yaml"
    path.write_text("stable-window: 6s\n")
    source = DefaultsSource(key="CONFIG_PATH", path=path)
    world.put_activator()
    world.kube.put(DEPLOYMENTS, deployment())
    replica = world.make("autoscaler-1")
    replica.config = replace(replica.config, defaults=source.read(), defaults_source=source)
    world.running.append(replica)
    replica.start()
    await world.until_managed()
    assert not world.find("horizontalpodautoscalers.autoscaling", "iris")
    path.write_text("stable-window: 6s\npod-autoscaler-class: hpa.autoscaling.knative.dev\n")
    await world.until(lambda: world.find("horizontalpodautoscalers.autoscaling", "iris"))
