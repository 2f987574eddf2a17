"""Puts the sidecar into a pod: a pure function from pod to pod.

Why each part is there (docs/injection.md has it in full):

- The sidecar stands before the model on its own port, so it needs to know the model's.
- The model's readiness probe moves into the sidecar, which asks as soon as somebody wants to know;
  the kubelet asks the sidecar. A probe that the sidecar cannot run stays where it was.
- When a pod goes, the kubelet runs all preStop hooks at once. The sidecar's begins its drain and
  returns; the model's waits until the drain is over, so the model outlives its last request. A
  native sidecar gets SIGTERM after that, and a plain one drains on its own SIGTERM.
- The grace period grows by the time that the drain may take.

A pod that carries the sidecar already, or was not labelled, comes back as it was.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from controller.core.pod_settings import PREFIX, PodSettings, PreStop, read_pod_settings
from controller.core.pod_shape import check_shape
from servingkit.config import ConfigError, Problem
from servingkit.core import sidecar

Json = dict[str, Any]

_GRACE_PERIOD_S: Final = 30
"""Kubernetes' default, which a manifest need not spell out."""

_ACTIONS: Final[tuple[str, ...]] = ("httpGet", "tcpSocket", "grpc")
_PROBE_PERIOD_S: Final = 10
_EAGER: Final[Json] = {"periodSeconds": 1, "timeoutSeconds": 10, "failureThreshold": 3}
"""How the kubelet asks when the model has no probe: the sidecar tries each 50 ms for 10 s."""

_THRESHOLDS: Final[tuple[str, ...]] = (
    *("initialDelaySeconds", "periodSeconds", "timeoutSeconds"),
    *("failureThreshold", "successThreshold"),
)
_PORTS: Final = {
    sidecar.SERVING_PORT: "queue-port",
    sidecar.TLS_PORT: "https-port",
    sidecar.ADMIN_PORT: "http-queueadm",
    sidecar.STATS_PORT: "http-autometric",
    sidecar.METRICS_PORT: "http-usermetric",
}
_HTTP2_PORT_NAMES: Final[tuple[str, ...]] = ("h2c", "grpc")


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarSettings:
    """How an installation wants its sidecars."""

    image: str
    image_pull_policy: str = "IfNotPresent"

    native: bool = True
    """An init container that stays (Kubernetes 1.29 and newer), or else a container."""

    run_as_user: int | None = 65_532
    """User of the process. None: as the image or the cluster says (OpenShift chooses itself)."""

    drain_quiet_s: float = 30.0
    """For pods that do not say."""

    resources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """`requests` and `limits`, for pods that do not say."""


def is_enabled(pod: Mapping[str, Any]) -> bool:
    """Return whether the pod (or a pod template) asks for the sidecar.

    In a manifest of a person, a `true` without quotes counts, too, so that `inject` can refuse it.
    """
    metadata = pod.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return isinstance(labels, dict) and labels.get(sidecar.ENABLED_LABEL) in ("true", True)


def is_injected(pod: Mapping[str, Any]) -> bool:
    """Return whether the sidecar is there."""
    return any(container.get("name") == sidecar.CONTAINER_NAME for container in _all(pod))


def inject(pod: Json, revision: str, settings: SidecarSettings) -> Json:
    """Return the pod with the sidecar in it; the argument is left as it was.

    Args:
        pod: a Pod, or a pod template.
        revision: name of the workload that the pod belongs to.
        settings: how the installation wants its sidecars.

    Raises:
        ConfigError: naming every annotation and every field that is in the way.
    """
    if not is_enabled(pod):
        return pod
    check_shape(pod)
    if is_injected(pod):
        return pod
    wishes = read_pod_settings((pod.get("metadata") or {}).get("annotations") or {})
    injected = copy.deepcopy(pod)
    problems: list[Problem] = []
    _check_pod(injected, problems)
    model = _Model.find(injected["spec"], wishes, problems)
    if problems or model is None:
        raise ConfigError(problems)
    quiet_s = settings.drain_quiet_s if wishes.drain_quiet_s is None else wishes.drain_quiet_s
    probe = model.take_probe()
    model.wait_for_drain()
    spec = injected["spec"]
    own_s = spec.get("terminationGracePeriodSeconds")
    own_s = _GRACE_PERIOD_S if own_s is None else own_s
    spec["terminationGracePeriodSeconds"] = own_s + int(max(wishes.timeout_s, quiet_s) + 0.999)
    container = _container(revision, wishes, settings, model.port, probe)
    if settings.native:
        container["restartPolicy"] = "Always"
        spec["initContainers"] = [*(spec.get("initContainers") or ()), container]
    else:
        spec["containers"].append(container)
    return injected


class _Model:
    """The container that serves the model, inside a pod that is being changed."""

    def __init__(self, container: Json, port: int, *, replaces_hook: bool) -> None:
        self.port = port
        self._container = container
        self._replaces_hook = replaces_hook

    def __repr__(self) -> str:
        return f"<_Model {self._container['name']!r} on port {self.port}>"

    @classmethod
    def find(cls, spec: Json, wishes: PodSettings, problems: list[Problem]) -> "_Model | None":
        container = _model_container(spec, wishes, problems)
        if container is None:
            return None
        port = _model_port(container, wishes, problems)
        hook = (container.get("lifecycle") or {}).get("preStop")
        kept = hook is not None and wishes.pre_stop is PreStop.KEEP
        if hook is not None and wishes.pre_stop is None and "sleep" not in hook:
            problems.append(
                Problem(
                    f"{PREFIX}pre-stop",
                    None,
                    f"{PreStop.REPLACE.value} or {PreStop.KEEP.value}, since container"
                    f" {container['name']!r} has a preStop hook, and its place is needed to wait"
                    " for the end of the drain",
                )
            )
        return cls(container, port, replaces_hook=not kept)

    def take_probe(self) -> Json | None:
        """Return the readiness probe for the sidecar, taken from the model; None: it has none.

        A probe that the sidecar cannot run (exec, another host, TLS) stays with the model, and
        the sidecar looks whether the model takes connections.
        """
        probe: Json | None = self._container.get("readinessProbe")
        port = None if probe is None else self._port_of(probe)
        if probe is None or port is None:
            return None
        del self._container["readinessProbe"]
        for action in _ACTIONS:
            if action in probe:
                probe[action]["port"] = port
        return probe

    def _port_of(self, probe: Json) -> int | None:
        """Return the port that a probe asks on this host without TLS; None: it does otherwise."""
        http = probe.get("httpGet") or {}
        target = http or probe.get("tcpSocket") or probe.get("grpc") or {}
        elsewhere = target.get("host", "") not in {"", "localhost", "127.0.0.1"}
        if elsewhere or http.get("scheme", "HTTP") != "HTTP":
            return None
        named = {p.get("name"): p["containerPort"] for p in self._container.get("ports") or ()}
        port = target.get("port")
        number = named.get(port, port)
        return number if isinstance(number, int) else None

    def wait_for_drain(self) -> None:
        """Hold SIGTERM back from the model until the sidecar has answered its last request."""
        if self._replaces_hook:
            lifecycle = self._container.setdefault("lifecycle", {})
            lifecycle["preStop"] = _hook("/wait-for-drain")


def _check_pod(pod: Json, problems: list[Problem]) -> None:
    spec = pod["spec"]
    if spec.get("hostNetwork"):
        expected = "false: two sidecars on one node would want the same ports"
        problems.append(Problem("spec.hostNetwork", "true", expected))
    for container in _all(pod):
        for port in container.get("ports") or ():
            number = port.get("containerPort")
            if number in _PORTS and port.get("protocol", "TCP") == "TCP":
                key = f"port {port.get('name', '')}".rstrip() + f" of container {container['name']}"
                problems.append(Problem(key, str(number), _free_port()))


def _free_port() -> str:
    return f"a port that the sidecar does not need: not {', '.join(map(str, _PORTS))}"


def _model_container(spec: Json, wishes: PodSettings, problems: list[Problem]) -> Json | None:
    containers: list[Json] = spec.get("containers") or []
    names = ", ".join(container["name"] for container in containers)
    if wishes.container:
        chosen = [c for c in containers if c["name"] == wishes.container]
        expected = f"the name of one of the pod's containers: {names}"
    elif len(containers) == 1:
        return containers[0]
    else:
        chosen = [c for c in containers if c.get("ports")]
        expected = f"which of the pod's containers is the model: {names}"
    if len(chosen) == 1:
        return chosen[0]
    problems.append(Problem(f"{PREFIX}container", wishes.container or None, expected))
    return None


def _model_port(container: Json, wishes: PodSettings, problems: list[Problem]) -> int:
    """Return the port of the model; 0 when it is not clear, which is noted then."""
    key = f"{PREFIX}port"
    declared = [p for p in container.get("ports") or () if p.get("protocol", "TCP") == "TCP"]
    text = wishes.port
    if text.isdecimal():
        found: list[Json] = [{"containerPort": int(text)}]
    elif text:
        found = [port for port in declared if port.get("name") == text]
    else:
        found = declared
    if len(found) != 1:
        names = ", ".join(str(p.get("name") or p["containerPort"]) for p in declared)
        listed = f" (it names {names})" if names else " (it names none)"
        expected = f"the port on which container {container['name']!r} serves{listed}"
        problems.append(Problem(key, text or None, expected))
        return 0
    number, name = int(found[0]["containerPort"]), str(found[0].get("name", ""))
    if number in _PORTS and text:
        problems.append(Problem(key, text, _free_port()))
    if name in _HTTP2_PORT_NAMES:
        expected = "a port that speaks HTTP/1.1; the sidecar does not speak HTTP/2 to the model"
        problems.append(Problem(key, name, expected))
    return number


def _container(
    revision: str,
    wishes: PodSettings,
    settings: SidecarSettings,
    model_port: int,
    probe: Json | None,
) -> Json:
    environment = {
        "USER_PORT": str(model_port),
        "SERVING_REVISION": revision,
        "SERVING_READINESS_PROBE": json.dumps(_model_probe(probe), separators=(",", ":")),
        "INFLIGHT_DRAIN_QUIET_SECONDS": f"{settings.drain_quiet_s:g}",
        **wishes.environment,
    }
    fields = {
        "SERVING_NAMESPACE": "metadata.namespace",
        "SERVING_POD": "metadata.name",
        "SERVING_POD_IP": "status.podIP",
    }
    return {
        "name": sidecar.CONTAINER_NAME,
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "ports": [{"name": name, "containerPort": port} for port, name in _PORTS.items()],
        "env": [
            *({"name": name, "value": value} for name, value in environment.items()),
            *(
                {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
                for name, path in fields.items()
            ),
        ],
        "readinessProbe": _kubelet_probe(probe),
        "lifecycle": {"preStop": _hook("/drain")},
        "resources": _merge(settings.resources, wishes.resources),
        "securityContext": _security_context(settings),
    }


def _model_probe(probe: Json | None) -> Json:
    """Return how the sidecar asks the model; without a probe it waits for a port that opens."""
    if probe is None:
        return {}
    actions = {name: probe[name] for name in _ACTIONS if name in probe}
    # Kubernetes reads a missing 0 here as 10 s and 1 s; the sidecar would be eager.
    period_s = probe.get("periodSeconds") or _PROBE_PERIOD_S
    timeout_s = probe.get("timeoutSeconds") or 1
    threshold = (
        {"successThreshold": probe["successThreshold"]} if "successThreshold" in probe else {}
    )
    return {**actions, "periodSeconds": period_s, "timeoutSeconds": timeout_s, **threshold}


def _kubelet_probe(probe: Json | None) -> Json:
    asks = {
        "path": "/",
        "port": sidecar.SERVING_PORT,
        "httpHeaders": [{"name": "K-Network-Probe", "value": "queue"}],
    }
    if probe is None:
        return {"httpGet": asks, **_EAGER}
    return {"httpGet": asks, **{name: probe[name] for name in _THRESHOLDS if name in probe}}


def _hook(path: str) -> Json:
    return {"httpGet": {"path": path, "port": sidecar.ADMIN_PORT}}


def _merge(
    installed: Mapping[str, Mapping[str, str]], wished: Mapping[str, Mapping[str, str]]
) -> Json:
    bounds = {
        bound: {**installed.get(bound, {}), **wished.get(bound, {})}
        for bound in ("requests", "limits")
    }
    return {bound: quantities for bound, quantities in bounds.items() if quantities}


def _security_context(settings: SidecarSettings) -> Json:
    """Return what the Pod Security Standard `restricted` asks for."""
    user = {} if settings.run_as_user is None else {"runAsUser": settings.run_as_user}
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        **user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _all(pod: Mapping[str, Any]) -> Iterator[Json]:
    spec = pod.get("spec") or {}
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()
