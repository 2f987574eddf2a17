"""Runs last, since nothing is left when it is over."""

import pytest

from tests.cluster.cluster import Cluster, Json, eventually
from tests.cluster.installation import NAMESPACE, Installation
from tests.cluster.tenant import Tenant

pytestmark = pytest.mark.cluster

_CLUSTER_WIDE = (
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
)
_OF_OUR_NAMESPACE = (
    ("apps/v1", "Deployment"),
    ("batch/v1", "Job"),
    ("coordination.k8s.io/v1", "Lease"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("policy/v1", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("v1", "Pod"),
    ("v1", "Secret"),
    ("v1", "Service"),
)


def _mentions_us(item: Json) -> bool:
    metadata = item["metadata"]
    words = [metadata["name"], *(metadata.get("labels") or {}), *(metadata.get("finalizers") or ())]
    return any("inflight" in word for word in words)


def _traces(cluster: Cluster) -> list[str]:
    found = [(it, item) for it in _CLUSTER_WIDE for item in cluster.list_all(*it)]
    found += [(it, item) for it in _OF_OUR_NAMESPACE for item in cluster.list_all(*it, NAMESPACE)]
    return [f"{kind} {item['metadata']['name']}" for (_, kind), item in found if _mentions_us(item)]


def test_uninstalling_leaves_no_trace(tenant: Tenant, installation: Installation) -> None:
    cluster = tenant.cluster
    tenant.deploy(annotations={"autoscaling.knative.dev/min-scale": "1"})
    (pod,) = tenant.wait_for_pods(1)
    eventually(lambda: tenant.get().statuses == {"200": 1}, "the public name answers")

    installation.uninstall()

    eventually(lambda: _traces(cluster) == [], "nothing of ours is left in the cluster")
    eventually(lambda: not cluster.list_all("v1", "Service", tenant.name), "no Service is left")
    slices = ("discovery.k8s.io/v1", "EndpointSlice", tenant.name)
    eventually(lambda: not cluster.list_all(*slices), "no EndpointSlice is left")
    metadata = tenant.deployment()["metadata"]
    assert not metadata.get("finalizers")
    assert [key for key in metadata["annotations"] if key.startswith("inflight.dev/")] == []
    assert tenant.deployment()["spec"]["replicas"] == 1
    (same,) = tenant.pods()
    assert same["metadata"]["uid"] == pod["metadata"]["uid"]
    assert not [key for key in same["metadata"].get("annotations") or {} if "inflight" in key]

    tenant.deploy("later")
    (later,) = tenant.wait_for_pods(1, "later")
    assert len(later["spec"]["containers"]) == 1, "labelled pods can be made, without a sidecar"
