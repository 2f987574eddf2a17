from typing import Any

from autoscaler.kubernetes.core.manifests import (
    Json,
    Owner,
    PortOfSlice,
    own_ports,
    public_slices,
)
from servingkit.cluster.kubernetes.core.objects import ServicePort
from servingkit.cluster.kubernetes.core.resource import DEPLOYMENTS
from servingkit.core.revision import RevisionId

OWNER = Owner(RevisionId("shop", "iris"), DEPLOYMENTS, "Deployment", "uid-1")


def slices(hosts: list[str], *ports: ServicePort) -> dict[str, Any]:
    behind = [PortOfSlice(port, 20_007) for port in ports or own_ports()]
    made: dict[str, Json] = public_slices(OWNER, "iris", "inflight", hosts, behind)
    return made


def test_a_slice_leads_to_the_revisions_port() -> None:
    (made,) = slices(["10.0.0.1", "10.0.0.2"]).values()
    assert made["ports"] == [{"name": "http", "port": 20_007, "protocol": "TCP"}]
    assert [one["addresses"] for one in made["endpoints"]] == [["10.0.0.1"], ["10.0.0.2"]]
    assert made["addressType"] == "IPv4"
    assert made["metadata"]["labels"]["kubernetes.io/service-name"] == "iris"


def test_it_goes_with_its_workload() -> None:
    (made,) = slices(["10.0.0.1"]).values()
    (owner,) = made["metadata"]["ownerReferences"]
    assert owner == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "iris",
        "uid": "uid-1",
    }


def test_each_family_has_slices_of_its_own() -> None:
    made = slices(["10.0.0.1", "fd00::1"])
    assert {name: one["addressType"] for name, one in made.items()} == {
        "iris-inflight-v4-0": "IPv4",
        "iris-inflight-v6-0": "IPv6",
    }


def test_a_slice_has_at_most_a_thousand_endpoints() -> None:
    made = slices([f"10.0.{number // 250}.{number % 250}" for number in range(2500)])
    assert [len(one["endpoints"]) for one in made.values()] == [1000, 1000, 500]


def test_without_hosts_there_are_no_slices() -> None:
    assert slices([]) == {}


def test_the_name_and_the_protocol_of_a_service_port_are_kept() -> None:
    (made,) = slices(["10.0.0.1"], ServicePort(443, "", "TCP", 8080, "kubernetes.io/h2c")).values()
    assert made["ports"] == [
        {"name": "", "port": 20_007, "protocol": "TCP", "appProtocol": "kubernetes.io/h2c"}
    ]
