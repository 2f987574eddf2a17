"""Inflight on a cluster, installed with Helm from the chart of this tree."""

from pathlib import Path
from typing import Final

import helm_python

from tests.cluster.cluster import Cluster, Json, eventually, restricted_namespace

CHART: Final = Path(__file__).resolve().parents[2] / "charts" / "inflight"
RELEASE: Final = "inflight"
NAMESPACE: Final = "inflight-system"
COMPONENTS: Final = ("autoscaler", "activator", "webhook")
_TIMEOUT_S: Final = 600


class Installation:
    """One release."""

    def __init__(self, cluster: Cluster, values: Json) -> None:
        self.cluster = cluster
        self._helm = helm_python.Config(namespace=NAMESPACE)
        self._values = values

    def install(self) -> None:
        """Install and wait until everything is ready."""
        self.cluster.create(restricted_namespace(NAMESPACE))
        self._helm.install(
            str(CHART), RELEASE, self._values, namespace=NAMESPACE, timeout=_TIMEOUT_S
        )
        for component in COMPONENTS:
            self.wait_until_ready(component)
        eventually(self._webhook_is_trusted, "the API server trusts the webhook")

    def upgrade(self, changes: Json) -> None:
        """Upgrade with changed values and wait until everything is ready again."""
        values = {key: {**self._values.get(key, {}), **change} for key, change in changes.items()}
        self._values = {**self._values, **values}
        self._helm.upgrade(
            str(CHART), RELEASE, self._values, namespace=NAMESPACE, timeout=_TIMEOUT_S
        )
        for component in COMPONENTS:
            self.wait_until_ready(component)

    def uninstall(self) -> None:
        """Remove the release; its hooks run."""
        self._helm.uninstall(RELEASE, timeout=_TIMEOUT_S)

    def uninstall_if_there(self) -> None:
        """Remove the release unless a test has done so, and the namespace."""
        self._helm.uninstall(RELEASE, timeout=_TIMEOUT_S, ignore_not_found=True)
        self.cluster.delete(restricted_namespace(NAMESPACE))

    def wait_until_ready(self, component: str) -> None:
        """Wait until a Deployment of ours has all the replicas that it wants."""
        eventually(lambda: self._is_ready(component), f"{component} is ready")

    @property
    def sidecar_image(self) -> str:
        """Return what the webhook puts into pods."""
        name = f"{RELEASE}-webhook"
        webhook = self.cluster.find("apps/v1", "Deployment", name, NAMESPACE) or {}
        (container,) = webhook["spec"]["template"]["spec"]["containers"]
        (image,) = (e["value"] for e in container["env"] if e["name"] == "INFLIGHT_SIDECAR_IMAGE")
        return str(image)

    def everyone(self, component: str) -> list[Json]:
        """Return the pods of a component."""
        selector = f"app.kubernetes.io/component={component}"
        return self.cluster.list_all("v1", "Pod", NAMESPACE, selector)

    def pods(self, component: str) -> list[Json]:
        """Return those that are not being deleted."""
        return [it for it in self.everyone(component) if "deletionTimestamp" not in it["metadata"]]

    def kill(self, pod: Json) -> None:
        """End a pod without time to say goodbye."""
        self.cluster.delete(pod, grace_period_s=0)

    def leader(self) -> str:
        """Return the name of the pod that leads; empty when none does."""
        name = f"{RELEASE}-autoscaler"
        lease = self.cluster.find("coordination.k8s.io/v1", "Lease", name, NAMESPACE)
        return str(((lease or {}).get("spec") or {}).get("holderIdentity") or "")

    def _is_ready(self, component: str) -> bool:
        found = self.cluster.find("apps/v1", "Deployment", f"{RELEASE}-{component}", NAMESPACE)
        status = (found or {}).get("status", {})
        wanted = (found or {}).get("spec", {}).get("replicas")
        seen = status.get("observedGeneration") == (found or {"metadata": {}})["metadata"].get(
            "generation"
        )
        numbers = {status.get(it) for it in ("replicas", "updatedReplicas", "availableReplicas")}
        return bool(seen and wanted and numbers == {wanted})

    def _webhook_is_trusted(self) -> bool:
        name = f"{RELEASE}-webhook"
        kinds = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
        found = [self.cluster.find("admissionregistration.k8s.io/v1", it, name) for it in kinds]
        return all(it and it["webhooks"][0]["clientConfig"].get("caBundle") for it in found)
