"""Settings of the autoscaler that only matter on Kubernetes."""

from collections.abc import Mapping
from dataclasses import dataclass

from servingkit.cluster.kubernetes.access import ApiAccess
from servingkit.cluster.kubernetes.core.resource import DEPLOYMENTS, Resource
from servingkit.config import ConfigError, EnvReader


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSettings:
    """Where we are in the cluster, and what we look after."""

    access: ApiAccess
    pod_name: str
    """Our identity in the Lease."""

    namespace: str
    """Ours: of the Lease, and of the activators."""

    activator_service: str = "inflight-activator"
    """The Service whose ready endpoints are the activators."""

    lease_name: str = "inflight-autoscaler"
    own_deployment: str = ""
    """The autoscaler's own Deployment, which ends before everything is given back. Empty: none."""

    pod_uid: str = ""
    """Makes the Lease go with its last holder. Empty: it stays."""

    workloads: tuple[Resource, ...] = (DEPLOYMENTS,)
    """Kinds of workloads that can be revisions; of two of one name, the kind that comes first."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "KubernetesSettings":
        """Read the environment. Raises ConfigError that names every bad variable."""
        env = EnvReader(environ)
        access = None
        try:
            access = ApiAccess.from_env(environ)
        except ConfigError as error:
            env.note(error)
        pod_name, namespace = env.text("POD_NAME"), env.text("POD_NAMESPACE")
        activator_service = env.text("INFLIGHT_ACTIVATOR_SERVICE", "inflight-activator")
        lease_name = env.text("INFLIGHT_LEASE", "inflight-autoscaler")
        workloads = _workloads(env)
        env.check()
        assert access is not None  # noqa: S101 -- otherwise there was a problem
        return cls(
            access=access,
            pod_name=pod_name,
            namespace=namespace,
            activator_service=activator_service,
            lease_name=lease_name,
            own_deployment=env.text("INFLIGHT_DEPLOYMENT", ""),
            pod_uid=env.text("POD_UID", ""),
            workloads=workloads,
        )


def _workloads(env: EnvReader) -> tuple[Resource, ...]:
    """Read kinds as `statefulsets.apps,rollouts.argoproj.io/v1alpha1`; Deployments come first."""
    kinds = [DEPLOYMENTS]
    for text in filter(None, env.text("INFLIGHT_WORKLOADS", "").split(",")):
        name, _, version = text.strip().partition("/")
        plural, _, group = name.partition(".")
        if not plural or not group:
            env.reject("INFLIGHT_WORKLOADS", "kinds as statefulsets.apps, separated by commas")
        kind = Resource(group, version or "v1", plural)
        if kind not in kinds:
            kinds.append(kind)
    return tuple(kinds)
