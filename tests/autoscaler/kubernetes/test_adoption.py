"""Services that were there before us."""

import json

import pytest

from tests.autoscaler.kubernetes.world import DEPLOYMENTS, SLICES, World
from tests.fakes.kube_api import Object
from tests.fakes.kube_objects import deployment, service

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

ADOPT = {"inflight.dev/adopt-service": "iris"}
APP = {"app": "iris"}


def selector(world: World) -> Object:
    found: Object = world.the("services", "iris")["spec"].get("selector") or {}
    return found


def foreign_slices(world: World) -> list[Object]:
    return [
        one
        for one in world.kube.all(SLICES, "shop")
        if one["metadata"]["labels"]["kubernetes.io/service-name"] == "iris"
        and one not in world.our_slices()
    ]


async def adopted(world: World, **spec: object) -> None:
    world.put_activator()
    world.kube.put("services", service("iris", **spec))
    world.kube.put("endpoints", {"metadata": {"name": "iris", "namespace": "shop"}})
    world.kube.put(DEPLOYMENTS, deployment(annotations=ADOPT))
    world.replica()
    await world.until(lambda: not selector(world))
    await world.until(lambda: not foreign_slices(world))


async def test_our_slice_is_there_before_the_selector_goes(world: World) -> None:
    seen: list[int] = []
    world.kube.after_change.append(lambda: seen.append(len(world.our_slices())))
    await adopted(world)
    patched = next(
        number
        for number, call in enumerate(world.kube.calls)
        if (call.verb, call.resource, call.name) == ("patch", "services", "iris")
    )
    written = next(
        number
        for number, call in enumerate(world.kube.calls)
        if (call.verb, call.resource) == ("create", SLICES)
    )
    assert written < patched
    assert world.find("endpoints", "iris") is None
    annotations = world.the("services", "iris")["metadata"]["annotations"]
    assert json.loads(annotations["inflight.dev/kept-selector"]) == APP
    assert "ownerReferences" not in world.the("services", "iris")["metadata"]
    assert world.the(DEPLOYMENTS, "iris")["metadata"]["finalizers"]


async def test_a_selector_that_is_put_back_is_kept_and_taken_away_again(world: World) -> None:
    await adopted(world)
    newer = {"app": "iris", "inflight.dev/enabled": "true"}
    world.kube.edit("services", "shop", "iris", {"spec": {"selector": newer}})
    await world.until(lambda: not selector(world) and not foreign_slices(world))
    annotations = world.the("services", "iris")["metadata"]["annotations"]
    assert json.loads(annotations["inflight.dev/kept-selector"]) == newer


async def test_the_service_of_a_deleted_deployment_is_given_back_first(world: World) -> None:
    await adopted(world)
    world.kube.remove(DEPLOYMENTS, "shop", "iris")
    assert world.find(DEPLOYMENTS, "iris") is not None  # it waits for us
    await world.until(lambda: world.find(DEPLOYMENTS, "iris") is None)
    assert selector(world) == APP
    assert not world.our_slices()
    annotations = world.the("services", "iris")["metadata"].get("annotations", {})
    assert not [key for key in annotations if key.startswith("inflight.dev/")]


async def test_a_service_that_is_not_asked_for_any_more_is_given_back(world: World) -> None:
    await adopted(world)
    world.kube.put("services", service("other", selector={"app": "iris"}))
    changes = {"metadata": {"annotations": {"inflight.dev/adopt-service": "other"}}}
    world.kube.edit(DEPLOYMENTS, "shop", "iris", changes)
    await world.until(lambda: selector(world) == APP and not world.our_slices())
    await world.until(lambda: not world.the("services", "other")["spec"].get("selector"))


async def test_a_service_of_ours_goes_when_another_is_adopted_instead(world: World) -> None:
    world.put_activator()
    world.kube.put(DEPLOYMENTS, deployment())
    world.replica()
    await world.until_managed()
    world.kube.put("services", service("web", selector=APP))
    changes = {"metadata": {"annotations": {"inflight.dev/adopt-service": "web"}}}
    world.kube.edit(DEPLOYMENTS, "shop", "iris", changes)
    await world.until(lambda: world.find("services", "iris") is None)
    await world.until(lambda: not world.our_slices("iris"))
    await world.until(lambda: world.our_slices("web"))


async def test_other_ports_lead_to_the_pods(world: World) -> None:
    await world.start_stats(1)
    ports = [
        {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"},
        {"name": "debug", "port": 5005, "targetPort": 5005, "protocol": "TCP"},
    ]
    await adopted(world, ports=ports)
    await world.until(lambda: ("127.0.0.1", 5005) in world.receivers())
    names = {port["name"] for one in world.our_slices() for port in one["ports"]}
    assert names == {"http", "debug"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param({"clusterIP": "None"}, "no address of its own", id="headless"),
        pytest.param({"selector": {"app": "bert"}}, "selects other pods", id="of other pods"),
        pytest.param({"selector": {}}, "has no selector", id="without selector"),
        pytest.param(
            {"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]},
            "none leads to the model's",
            id="ports of something else",
        ),
    ],
)
async def test_what_cannot_be_adopted_is_left_alone(
    world: World, spec: dict[str, object], said: str
) -> None:
    world.put_activator()
    before = world.kube.put("services", service("iris", **spec))
    world.kube.put(DEPLOYMENTS, deployment(annotations=ADOPT))
    world.replica()
    await world.until(lambda: world.events("NotManaged"))
    assert said in world.events("NotManaged")[0]
    assert world.the("services", "iris") == before


async def test_everything_is_given_back_before_an_uninstallation(world: World) -> None:
    await adopted(world)
    world.kube.put(DEPLOYMENTS, deployment("bert"))
    await world.until_managed("bert")
    # As Helm would: the program that gives back comes to lead once the others have ended.
    (replica,) = world.running
    await replica.stop()
    world.kube.edit(DEPLOYMENTS, "shop", "bert", {"spec": {"replicas": 0}})
    await world.make("give-back").give_back()
    assert selector(world) == APP
    assert {one["metadata"]["name"] for one in world.kube.all("services")} == {"iris"}
    assert not [one for name in ("iris", "bert") for one in world.our_slices(name)]
    assert not world.the(DEPLOYMENTS, "iris")["metadata"].get("finalizers")
    assert not world.kube.all("leases.coordination.k8s.io")
    assert world.replicas("bert") == 1
