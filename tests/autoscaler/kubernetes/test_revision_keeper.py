"""What becomes of workloads, and of what they left."""

from functools import partial

import pytest

from tests.autoscaler.kubernetes.world import DEPLOYMENTS, HOST, World
from tests.fakes.kube_api import Object
from tests.fakes.kube_objects import deployment, service

HPAS = "horizontalpodautoscalers.autoscaling"

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


def owner_of(one: Object) -> str:
    (owner,) = one["metadata"]["ownerReferences"]
    uid: str = owner["uid"]
    return uid


def led_to(world: World, namespace: str, reached: set[tuple[str, int]]) -> bool:
    return world.receivers("iris", namespace) == reached


async def test_an_enabled_deployment_gets_its_services(world: World) -> None:
    world.put_activator()
    settings = {"autoscaling.knative.dev/target": "5"}
    world.kube.put(DEPLOYMENTS, deployment(annotations=settings))
    world.replica()
    await world.until_managed()
    uid = world.the(DEPLOYMENTS, "iris")["metadata"]["uid"]
    private, public = world.the("services", "iris-private"), world.the("services", "iris")
    assert private["spec"]["selector"] == {"app": "iris"}
    assert "selector" not in public["spec"]
    assert {owner_of(one) for one in (private, public, *world.our_slices())} == {uid}
    assert world.events("Managed") == ["Managed by Inflight; clients use the Service iris"]
    port = world.activator_port()
    assert 20_000 <= port <= 29_999
    # Nobody listens there in this test; such a port is used after a while all the same.
    await world.until(lambda: world.receivers() == {(HOST, port)})


async def test_a_deployment_without_our_label_is_left_alone(world: World) -> None:
    world.put_activator()
    world.kube.put(DEPLOYMENTS, deployment("other", labels={}))
    world.kube.put(DEPLOYMENTS, deployment("iris"))
    world.replica()
    await world.until_managed()
    assert world.find("services", "other-private") is None


async def test_a_deleted_deployment_takes_everything_with_it(world: World) -> None:
    world.put_activator()
    world.kube.put(DEPLOYMENTS, deployment())
    world.replica()
    await world.until_managed()
    world.kube.remove(DEPLOYMENTS, "shop", "iris")
    await world.until(lambda: not world.our_slices() and not world.kube.all("services"))


async def test_a_deployment_made_again_is_another_revision_at_the_same_port(world: World) -> None:
    world.put_activator()
    world.kube.put(DEPLOYMENTS, deployment())
    world.replica()
    await world.until_managed()
    port = world.activator_port()
    world.kube.remove(DEPLOYMENTS, "shop", "iris")
    again = world.kube.put(DEPLOYMENTS, deployment())
    await world.until_managed()
    uid = again["metadata"]["uid"]
    await world.until(lambda: owner_of(world.the("services", "iris-private")) == uid)
    assert world.activator_port() == port


async def test_a_deployment_that_loses_its_label_is_released(world: World) -> None:
    world.put_activator()
    world.kube.put(DEPLOYMENTS, deployment())
    world.replica()
    await world.until_managed()
    world.kube.edit(
        DEPLOYMENTS, "shop", "iris", {"metadata": {"labels": {"inflight.dev/enabled": None}}}
    )
    await world.until(lambda: not world.kube.all("services") and not world.our_slices())
    await world.until(lambda: world.events("Released"))
    # Nobody is left to wake it.
    assert world.replicas() == 1


async def test_what_somebody_breaks_is_mended(world: World) -> None:
    world.put_activator()
    world.kube.put(DEPLOYMENTS, deployment())
    world.replica()
    await world.until_managed()
    world.kube.edit("services", "shop", "iris-private", {"spec": {"selector": {"app": "bert"}}})
    world.kube.edit("services", "shop", "iris", {"spec": {"selector": {"app": "bert"}}})
    world.kube.remove(
        "endpointslices.discovery.k8s.io", "shop", world.our_slices()[0]["metadata"]["name"]
    )
    await world.until(
        lambda: world.the("services", "iris-private")["spec"]["selector"] == {"app": "iris"}
    )
    await world.until(lambda: not world.the("services", "iris")["spec"].get("selector"))
    await world.until(world.our_slices)


async def test_two_tenants_may_have_services_of_one_name(world: World) -> None:
    world.put_activator()
    for namespace in ("shop", "bank"):
        world.kube.put(DEPLOYMENTS, deployment(namespace=namespace))
    world.replica()
    for namespace in ("shop", "bank"):
        await world.until_managed("iris", namespace)
    ports = {world.activator_port("iris", namespace) for namespace in ("shop", "bank")}
    assert len(ports) == 2
    for namespace in ("shop", "bank"):
        reached = {(HOST, world.activator_port("iris", namespace))}
        await world.until(partial(led_to, world, namespace, reached))


async def test_of_two_revisions_at_one_port_the_newer_gets_another(world: World) -> None:
    world.put_activator()
    for name in ("iris", "bert"):
        world.kube.put(DEPLOYMENTS, deployment(name))
    world.replica()
    for name in ("iris", "bert"):
        await world.until_managed(name)
    kept = world.activator_port("iris")
    changes = {
        "metadata": {
            "creationTimestamp": "2090-01-01T00:00:00Z",
            "annotations": {"inflight.dev/activator-port": str(kept)},
        }
    }
    world.kube.edit("services", "shop", "bert-private", changes)
    await world.until(lambda: world.activator_port("bert") != kept)
    assert world.activator_port("iris") == kept


def has_setting(world: World, target: str) -> bool:
    record = world.the("services", "iris-private")["metadata"]["annotations"]["inflight.dev/record"]
    return f'"autoscaling.knative.dev/target":"{target}"' in record


async def test_an_annotation_that_nobody_reads_is_told_once_and_refuses_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.put_activator()
    written = {
        "autoscaling.knative.dev/min-scal": "1",
        "inflight.dev/port": "8080",
        "autoscaling.knative.dev/prometheus-query": "up",
    }
    world.kube.put(DEPLOYMENTS, deployment(annotations=written))
    world.replica()
    await world.until_managed()
    await world.until(lambda: world.events("UnknownAnnotation"))
    for target in ("3", "4"):
        changes = {"metadata": {"annotations": {"autoscaling.knative.dev/target": target}}}
        world.kube.edit(DEPLOYMENTS, "shop", "iris", changes)
        await world.until(partial(has_setting, world, target))
    (said,) = world.events("UnknownAnnotation")
    assert said == (
        "nobody reads autoscaling.knative.dev/min-scal; is autoscaling.knative.dev/min-scale meant?"
    )
    logged = [one for one in caplog.records if getattr(one, "reason", "") == "UnknownAnnotation"]
    assert len(logged) == 1
    told = world.events("Managed") + world.events("UnknownAnnotation")
    assert world.kube.called("create", "events") == len(told), "not at each look"


# --- what is in the way --------------------------------------------------------------------------


async def test_pods_without_sidecar_are_refused_until_they_are_replaced(world: World) -> None:
    world.put_activator()
    world.controllers.injects = False
    world.kube.put(DEPLOYMENTS, deployment(replicas=2))
    world.replica()
    await world.until(lambda: world.events("NotManaged"))
    (said,) = world.events("NotManaged")
    assert "2 of its pods have no sidecar (iris-7d9f-001, iris-7d9f-002)" in said
    assert "kubectl rollout restart" in said
    assert not world.kube.all("services")
    assert world.replicas() == 2
    world.controllers.injects = True
    await world.start_stats(2)
    for pod in ("iris-7d9f-001", "iris-7d9f-002"):
        world.kube.remove("pods", "shop", pod)
    world.controllers.reconcile()
    await world.until(lambda: world.find("services", "iris-private"))


async def test_pods_that_do_not_answer_are_refused(world: World) -> None:
    world.put_activator()
    world.kube.put(DEPLOYMENTS, deployment(replicas=1))
    # Nothing listens at the ports of the pods that a test makes without `start_stats`.
    world.replica()
    await world.until(lambda: world.events("NotManaged"))
    assert "from the sidecar of pod iris-7d9f-001 at port 1" in world.events("NotManaged")[0]


async def test_a_scaled_object_is_refused_also_while_it_is_paused(world: World) -> None:
    world.put_activator()
    world.kube.absent_kinds.clear()
    paused = {
        "metadata": {
            "name": "nightly",
            "namespace": "shop",
            "annotations": {"autoscaling.keda.sh/paused": "true"},
        },
        "spec": {"scaleTargetRef": {"name": "iris"}},
    }
    world.kube.put("scaledobjects.keda.sh", paused)
    world.kube.put(DEPLOYMENTS, deployment())
    world.kube.put(DEPLOYMENTS, deployment("bert"))
    world.replica()
    await world.until(lambda: world.events("NotManaged"))
    (said,) = world.events("NotManaged")
    assert "its replicas are written by ScaledObject nightly; delete that first" in said
    await world.until_managed("bert")
    assert not world.find("services", "iris-private")
    world.kube.remove("scaledobjects.keda.sh", "shop", "nightly")
    world.kube.edit(DEPLOYMENTS, "shop", "iris", {"metadata": {"annotations": {"a": "b"}}})
    await world.until_managed()


async def test_an_hpa_of_ours_follows_its_annotations_and_is_else_left_alone(world: World) -> None:
    world.put_activator()
    ours = {
        "autoscaling.knative.dev/class": "hpa.autoscaling.knative.dev",
        "autoscaling.knative.dev/window": "2m",
    }
    world.kube.put(DEPLOYMENTS, deployment(annotations=ours))
    world.replica()
    await world.until(lambda: world.find(HPAS, "iris"))
    rules = {"stabilizationWindowSeconds": 120}
    assert world.the(HPAS, "iris")["spec"]["behavior"] == {"scaleUp": rules, "scaleDown": rules}
    no_window = {"metadata": {"annotations": {"autoscaling.knative.dev/window": None}}}
    world.kube.edit(DEPLOYMENTS, "shop", "iris", no_window)
    await world.until(lambda: not world.the(HPAS, "iris")["spec"].get("behavior"))
    # Whatever was to be looked at before another revision has been.
    world.kube.put(DEPLOYMENTS, deployment("bert"))
    await world.until_managed("bert")
    patches = world.kube.called("patch", HPAS)
    for number in range(5):  # as its controller writes its status again and again
        world.kube.edit(HPAS, "shop", "iris", {"status": {"currentReplicas": number}})
    world.kube.put(DEPLOYMENTS, deployment("gpt"))
    await world.until_managed("gpt")
    assert world.kube.called("patch", HPAS) == patches


async def test_an_hpa_that_writes_the_replicas_is_refused(world: World) -> None:
    world.put_activator()
    keda = {"kind": "ScaledObject", "name": "iris", "uid": "1", "controller": True}
    hpa = {
        "metadata": {"name": "keda-hpa-iris", "namespace": "shop", "ownerReferences": [keda]},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "iris"}},
    }
    world.kube.put(HPAS, hpa)
    world.kube.put(DEPLOYMENTS, deployment())
    world.replica()
    await world.until(lambda: world.events("NotManaged"))
    assert "its replicas are written by ScaledObject iris" in world.events("NotManaged")[0]
    world.kube.remove(HPAS, "shop", "keda-hpa-iris")
    # Nobody tells of a deletion by the name of its target; the next look finds out.
    world.kube.edit(DEPLOYMENTS, "shop", "iris", {"metadata": {"annotations": {"a": "b"}}})
    await world.until(lambda: world.find("services", "iris-private"))


async def test_one_event_says_what_is_in_the_way_however_often_it_is_seen(world: World) -> None:
    world.put_activator()
    world.kube.put("services", service())
    world.kube.put(DEPLOYMENTS, deployment())
    first = world.replica()
    await world.until(lambda: world.events("NotManaged"))
    await first.stop()
    world.replica("autoscaler-2")
    calls = world.kube.called("create", "events")
    await world.until(lambda: world.kube.called("create", "events") > calls)
    (said,) = world.events("NotManaged")
    assert "annotate with inflight.dev/adopt-service: iris" in said
    assert world.the("services", "iris")["spec"]["selector"] == {"app": "iris"}


async def test_a_paused_workload_is_not_touched(world: World) -> None:
    world.put_activator()
    paused = {"inflight.dev/paused": "true"}
    world.kube.put(DEPLOYMENTS, deployment("bert", annotations=paused))
    world.kube.put(DEPLOYMENTS, deployment("iris"))
    world.replica()
    await world.until_managed("iris")
    assert world.find("services", "bert-private") is None
    changes = {"metadata": {"annotations": {"inflight.dev/paused": None}}}
    world.kube.edit(DEPLOYMENTS, "shop", "bert", changes)
    await world.until_managed("bert")


async def test_bad_settings_are_said_and_the_last_good_ones_stay(world: World) -> None:
    world.put_activator()
    world.kube.put(DEPLOYMENTS, deployment())
    world.replica()
    await world.until_managed()
    record = world.the("services", "iris-private")["metadata"]["annotations"]["inflight.dev/record"]
    bad = {"metadata": {"annotations": {"autoscaling.knative.dev/min-scale": "many"}}}
    world.kube.edit(DEPLOYMENTS, "shop", "iris", bad)
    await world.until(lambda: world.events("NotManaged"))
    assert "autoscaling.knative.dev/min-scale: 'many'" in world.events("NotManaged")[0]
    kept = world.the("services", "iris-private")["metadata"]["annotations"]["inflight.dev/record"]
    assert kept == record
