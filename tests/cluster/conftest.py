"""Tests on a real cluster, the current one of KUBECONFIG: `make test-cluster`.

They install the chart (release `inflight` in `inflight-system`) and remove it. The images must be
where the cluster finds them: INFLIGHT_TEST_IMAGE_REGISTRY, _REPOSITORY and _TAG are the chart's
values; INFLIGHT_TEST_PYTHON_IMAGE has Python 3 and is the model and the client.
INFLIGHT_TEST_API_STOP and _START are shell commands that take the API server away, while pods go
on, and bring it back: with kind, `docker exec kind-control-plane mv` of its manifest out of
/etc/kubernetes/manifests and in again. Without them the test that needs them is skipped.
"""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.cluster.cluster import Cluster, Json
from tests.cluster.installation import Installation
from tests.cluster.tenant import Tenant

_LAST = "test_uninstall.py"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ours = [item for item in items if item.get_closest_marker("cluster")]
    asked = "cluster" in config.option.markexpr and "not cluster" not in config.option.markexpr
    reason = None
    if not asked:
        reason = "changes a cluster; `make test-cluster` runs it"
    elif not os.environ.get("KUBECONFIG"):
        reason = "KUBECONFIG names no cluster"
    for item in ours:
        item.add_marker(pytest.mark.timeout(1800))
        # A test cluster may have a certificate that its kubeconfig says not to check.
        item.add_marker(pytest.mark.filterwarnings("ignore:Unverified HTTPS request"))
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=reason))
    items.sort(key=lambda item: item.path.name == _LAST)


def _values() -> Json:
    image = {
        name: os.environ[f"INFLIGHT_TEST_IMAGE_{name.upper()}"]
        for name in ("registry", "repository", "tag")
        if f"INFLIGHT_TEST_IMAGE_{name.upper()}" in os.environ
    }
    return {
        "image": image,
        # Tests wait for these; a minute each would make them long.
        "autoscaler": {
            "config": {
                "stable-window": "20s",
                "scale-to-zero-grace-period": "5s",
                "scale-to-zero-pod-retention-period": "0s",
            }
        },
        "activator": {"autoscaling": {"enabled": False}, "terminationGracePeriodSeconds": 60},
        "sidecar": {"drainQuietSeconds": 5},
    }


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture(scope="session")
def installation(cluster: Cluster) -> Iterator[Installation]:
    installation = Installation(cluster, _values())
    installation.install()
    yield installation
    installation.uninstall_if_there()


@pytest.fixture
def make_tenant(cluster: Cluster, installation: Installation) -> Iterator[Callable[[], Tenant]]:
    """Return what makes a namespace; all of them go when the test is over."""
    del installation  # it has to be there
    image = os.environ.get("INFLIGHT_TEST_PYTHON_IMAGE", "python:3.12-slim")
    tenants: list[Tenant] = []

    def make() -> Tenant:
        tenant = Tenant(cluster, image)
        tenants.append(tenant)
        tenant.start()
        return tenant

    yield make
    for tenant in tenants:
        tenant.stop()


@pytest.fixture
def tenant(make_tenant: Callable[[], Tenant]) -> Tenant:
    return make_tenant()
