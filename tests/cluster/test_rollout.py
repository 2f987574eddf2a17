"""What a rollout, and the loss of an activator, look like to clients."""

import pytest

from tests.cluster.cluster import Json, eventually
from tests.cluster.installation import COMPONENTS, Installation
from tests.cluster.tenant import Result, Tenant

pytestmark = pytest.mark.cluster

_WORKERS = 8


def _deploy(tenant: Tenant, pods: int) -> None:
    tenant.deploy(
        replicas=pods,
        annotations={"autoscaling.knative.dev/min-scale": str(pods)},
        pod_annotations={"inflight.dev/container-concurrency": "10"},
    )
    tenant.wait_for_pods(pods)
    eventually(lambda: tenant.get().statuses == {"200": 1}, "the public name answers")


def _roll(tenant: Tenant) -> None:
    """Give the Deployment another template, and wait until only pods of that one are left."""
    environment = [{"name": "VERSION", "value": "2"}]
    container = tenant.deployment()["spec"]["template"]["spec"]["containers"][0]
    template = {"spec": {"containers": [{**container, "env": environment}]}}
    tenant.cluster.patch(tenant.deployment(), {"spec": {"template": template}})

    def is_new(pod: Json) -> bool:
        return bool(pod["spec"]["containers"][0].get("env") == environment)

    def rolled() -> bool:
        everyone = tenant.cluster.list_all("v1", "Pod", tenant.name, "app=iris")
        return len(tenant.ready_pods()) == len(everyone) and all(map(is_new, everyone))

    eventually(rolled, "only new pods are left")


def _assert_all_good(result: Result) -> None:
    assert set(result.statuses) == {"200"}, result.errors


@pytest.mark.parametrize("keep_alive", [False, True], ids=["new connections", "kept connections"])
def test_a_rolling_update_under_load_fails_no_request(tenant: Tenant, *, keep_alive: bool) -> None:
    _deploy(tenant, pods=2)
    before = {pod["metadata"]["name"] for pod in tenant.pods()}
    load = tenant.load(path="/?sleep=50", workers=_WORKERS, keep_alive=keep_alive)
    eventually(lambda: load.result().statuses.get("200", 0) > _WORKERS, "requests are answered")
    _roll(tenant)
    already = load.result().statuses["200"]
    eventually(lambda: load.result().statuses["200"] > already + _WORKERS, "the new pods answer")
    result = load.stop()
    _assert_all_good(result)
    after = {pod["metadata"]["name"] for pod in tenant.pods()}
    assert not before & after
    assert set(result.pods) & after
    assert max(result.peaks.values()) <= 10


def test_an_activator_that_ends_fails_no_request(
    tenant: Tenant, installation: Installation
) -> None:
    _deploy(tenant, pods=1)
    load = tenant.load(path="/?sleep=50", workers=_WORKERS)
    eventually(lambda: load.result().statuses.get("200", 0) > _WORKERS, "requests are answered")
    first, *_ = installation.pods("activator")
    tenant.cluster.delete(first)
    name, namespace = first["metadata"]["name"], first["metadata"]["namespace"]
    eventually(lambda: not tenant.cluster.find("v1", "Pod", name, namespace), "it has ended")
    installation.wait_until_ready("activator")
    _assert_all_good(load.stop())


def test_an_activator_that_is_killed_costs_no_more_than_what_it_held(
    tenant: Tenant, installation: Installation
) -> None:
    _deploy(tenant, pods=1)
    load = tenant.load(path="/?sleep=50", workers=_WORKERS)
    eventually(lambda: load.result().statuses.get("200", 0) > _WORKERS, "requests are answered")
    first, *_ = installation.pods("activator")
    installation.kill(first)
    installation.wait_until_ready("activator")
    already = load.result().statuses["200"]
    eventually(lambda: load.result().statuses["200"] > already + 100, "it goes on")
    result = load.stop()
    failed = sum(number for status, number in result.statuses.items() if status != "200")
    assert failed <= _WORKERS, result.errors
    installation.wait_until_ready("activator")
    _assert_all_good(tenant.load(requests=100, workers=_WORKERS, keep_alive=False).wait())


def test_an_upgrade_of_everything_fails_no_request(
    tenant: Tenant, installation: Installation
) -> None:
    _deploy(tenant, pods=1)
    before = {pod["metadata"]["uid"] for it in COMPONENTS for pod in installation.pods(it)}
    load = tenant.load(path="/?sleep=50", workers=_WORKERS)
    eventually(lambda: load.result().statuses.get("200", 0) > _WORKERS, "requests are answered")
    annotated = {"podAnnotations": {"example.com/upgraded": "true"}}
    changes: Json = dict.fromkeys(COMPONENTS, annotated)
    # Of a configuration in which the program keeps a part, the authority, of its own.
    changes["webhook"] = {**annotated, "timeoutSeconds": 9}
    installation.upgrade(changes)
    eventually(
        lambda: (
            not before
            & {pod["metadata"]["uid"] for it in COMPONENTS for pod in installation.everyone(it)}
        ),
        "every old pod has ended",
    )
    already = load.result().statuses["200"]
    eventually(lambda: load.result().statuses["200"] > already + 100, "it goes on")
    _assert_all_good(load.stop())
