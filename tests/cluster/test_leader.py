"""Another autoscaler takes over: the scale stays, and decisions go on."""

import pytest

from tests.cluster.cluster import eventually
from tests.cluster.installation import Installation
from tests.cluster.tenant import Tenant
from tests.cluster.test_scaling import ONE_EACH, replicas, wait_for_answers, wait_for_zero

pytestmark = pytest.mark.cluster


def test_a_killed_leader_is_followed_by_another(tenant: Tenant, installation: Installation) -> None:
    tenant.deploy(annotations={"autoscaling.knative.dev/max-scale": "3"}, pod_annotations=ONE_EACH)
    wait_for_answers(tenant)
    load = tenant.load(path="/?sleep=500", workers=6)
    tenant.wait_for_pods(3)
    leader = installation.leader()
    (pod,) = [one for one in installation.pods("autoscaler") if one["metadata"]["name"] == leader]
    installation.kill(pod)
    seen: set[int] = set()

    def another_leads() -> bool:
        seen.add(replicas(tenant))
        return installation.leader() not in {"", leader}

    eventually(another_leads, "another replica leads")
    installation.wait_until_ready("autoscaler")
    assert seen == {3}
    assert replicas(tenant) == 3
    result = load.stop()
    assert set(result.statuses) == {"200"}, result
    wait_for_zero(tenant)
    assert tenant.get().statuses == {"200": 1}
