import pytest

from autoscaler.kubernetes.settings import KubernetesSettings
from servingkit.cluster.kubernetes.access import ApiAccess
from servingkit.cluster.kubernetes.core.resource import DEPLOYMENTS, Resource
from servingkit.config import ConfigError

NEEDED = {
    "INFLIGHT_KUBERNETES_URL": "http://127.0.0.1:8001",
    "POD_NAME": "autoscaler-1",
    "POD_NAMESPACE": "inflight-system",
}


def test_a_name_a_namespace_and_a_server_are_enough() -> None:
    assert KubernetesSettings.from_env(NEEDED) == KubernetesSettings(
        access=ApiAccess(url="http://127.0.0.1:8001"),
        pod_name="autoscaler-1",
        namespace="inflight-system",
    )


def test_further_kinds_come_after_deployments() -> None:
    text = "statefulsets.apps, rollouts.argoproj.io/v1alpha1,deployments.apps"
    settings = KubernetesSettings.from_env({**NEEDED, "INFLIGHT_WORKLOADS": text})
    assert settings.workloads == (
        DEPLOYMENTS,
        Resource("apps", "v1", "statefulsets"),
        Resource("argoproj.io", "v1alpha1", "rollouts"),
    )


def test_every_bad_variable_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        KubernetesSettings.from_env({"INFLIGHT_WORKLOADS": "statefulsets"})
    keys = {problem.key for problem in caught.value.problems}
    assert keys == {
        "INFLIGHT_WORKLOADS",
        "KUBERNETES_SERVICE_HOST",
        "POD_NAME",
        "POD_NAMESPACE",
    }
