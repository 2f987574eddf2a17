"""What must hold before anything is written for a revision, as far as objects tell it.

Each check returns a sentence that says what is in the way and what to do about it, for the Event on
the workload. Nothing is touched while there is one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from autoscaler.core.defaults import HPA_CLASS, KPA_CLASS, Defaults
from autoscaler.core.hpa_settings import parse_hpa_annotations
from autoscaler.core.settings import PREFIX, parse_annotations
from autoscaler.kubernetes.core.manifests import PortOfSlice, is_ours, own_ports
from autoscaler.kubernetes.core.sidecar import has_sidecar, model_port, resolve_port
from servingkit.cluster.kubernetes.core.names import (
    ADOPT_SERVICE,
    ADOPTED_BY,
    KEPT_SELECTOR,
    MOST_NAME,
    private_name,
)
from servingkit.cluster.kubernetes.core.objects import (
    HorizontalPodAutoscaler,
    PodObject,
    ScaledObject,
    ServiceObject,
    ServicePort,
    Workload,
)
from servingkit.cluster.kubernetes.core.record import read_limits, settings_of
from servingkit.config import ConfigError
from servingkit.core.revision import Address
from servingkit.core.sidecar import ENABLED_LABEL, SERVING_PORT

_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
CLASS = PREFIX + "class"

_HEADLESS = "None"
_NO_CLUSTER_IP = "ExternalName"
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around a workload in its namespace."""

    private: ServiceObject | None
    """The Service that has the name of the revision's private one."""

    public: ServiceObject | None
    """The Service that clients use: the one to adopt, or the one of the workload's name."""

    autoscalers: Iterable[HorizontalPodAutoscaler]
    """Those that write the workload's replicas."""


def what_is_in_the_way(
    kind: str, workload: Workload, around: Surroundings, defaults: Defaults
) -> str | None:
    """Return the first thing that keeps us from managing a workload; None: nothing does."""
    checks = (
        _name(workload),
        _template(workload),
        _selector(workload),
        _settings(workload, defaults),
        _autoscalers(kind, workload, around.autoscalers),
        _private_service(workload, around.private),
        _public_service(workload, around.public),
    )
    return next((problem for problem in checks if problem is not None), None)


def pods_without_sidecar(pods: Iterable[PodObject]) -> str | None:
    """Return what is in the way when not every pod carries the sidecar."""
    bare = sorted(pod.metadata.name for pod in pods if _is_alive(pod) and not has_sidecar(pod.spec))
    if not bare:
        return None
    named = ", ".join(bare[:_MOST_NAMED]) + (", …" if len(bare) > _MOST_NAMED else "")
    return (
        f"{len(bare)} of its pods have no sidecar ({named}): they were made before the webhook"
        " knew of them; restart them (kubectl rollout restart)"
    )


def scaled_by_keda(
    kind: str, workload: Workload, scaled_objects: Iterable[ScaledObject]
) -> str | None:
    """Return what is in the way when KEDA scales a workload, be it paused at present."""
    for one in scaled_objects:
        target = one.spec.scale_target_ref
        if (target.kind, target.name) == (kind, workload.metadata.name):
            return _written_by(f"ScaledObject {one.metadata.name}")
    return None


def adopted_name(workload: Workload) -> str | None:
    """Return the Service that the user wants to be adopted; None: none."""
    return settings_of(workload).get(ADOPT_SERVICE) or None


def public_name(workload: Workload) -> str:
    """Return the name of the Service that clients use."""
    return adopted_name(workload) or workload.metadata.name


def request_ports(workload: Workload, service: ServiceObject | None) -> list[ServicePort]:
    """Return the ports of the public Service that lead to the model."""
    if service is None or is_ours(service.metadata):
        return own_ports()
    ports = service.spec.ports or []
    wanted = {model_port(workload), SERVING_PORT}
    found = [port for port in ports if _target(workload, port) in wanted]
    return found or (ports if len(ports) == 1 else [])


def client_address(workload: Workload, service: ServiceObject) -> Address | None:
    """Return where clients of the public Service connect; None: it has no address yet."""
    # By name: of a Service that we made, a person may have changed the number.
    names = {port.name for port in request_ports(workload, service)}
    ports = (port.port for port in service.spec.ports or () if port.name in names)
    host, port = service.spec.cluster_ip, next(ports, None)
    return Address(host, port) if host and port else None


def other_ports(workload: Workload, service: ServiceObject) -> list[PortOfSlice]:
    """Return the other ports of an adopted Service, and where they lead on the pods."""
    ours = request_ports(workload, service)
    others = [port for port in service.spec.ports or [] if port not in ours]
    return [
        PortOfSlice(port, number)
        for port in others
        if (number := _target(workload, port)) is not None
    ]


def _is_alive(pod: PodObject) -> bool:
    return not pod.metadata.deletion_timestamp and pod.status.phase not in {"Succeeded", "Failed"}


def _target(workload: Workload, port: ServicePort) -> int | None:
    target = port.port if port.target_port in {None, 0, ""} else port.target_port
    assert target is not None  # noqa: S101 -- None was replaced
    return resolve_port(workload.spec.template.spec, target)


def _name(workload: Workload) -> str | None:
    name = workload.metadata.name
    longest = MOST_NAME - len(private_name(""))
    if _SERVICE_NAME.fullmatch(name) and len(name) <= longest:
        return None
    return (
        f"its name must also be a Service's: at most {longest} of a-z, 0-9 and -, beginning with a"
        " letter"
    )


def _template(workload: Workload) -> str | None:
    if workload.spec.template.metadata.label(ENABLED_LABEL) == "true":
        return None
    return f'its pod template has no label {ENABLED_LABEL}: "true", so that its pods get no sidecar'


def _selector(workload: Workload) -> str | None:
    selector = workload.spec.selector
    if selector.match_labels and not selector.match_expressions:
        return None
    return "its selector must consist of matchLabels alone, for a Service has nothing else"


def _settings(workload: Workload, defaults: Defaults) -> str | None:
    settings, chosen = settings_of(workload), wanted_class(workload, defaults)
    if chosen not in {KPA_CLASS, HPA_CLASS}:
        return f"{CLASS}: {chosen!r}; Inflight has {KPA_CLASS} and {HPA_CLASS}"
    problems: list[str] = []
    readers: tuple[Callable[[], object], ...] = (
        partial(read_limits, settings),
        partial(_read_scaling, settings, chosen, defaults),
    )
    for read in readers:
        try:
            read()
        except ConfigError as error:
            problems += map(str, error.problems)
    return "; ".join(problems) or None


def _read_scaling(settings: Mapping[str, str], chosen: str, defaults: Defaults) -> object:
    if chosen == HPA_CLASS:
        return parse_hpa_annotations(settings, defaults)
    return parse_annotations(settings, defaults)


def _autoscalers(
    kind: str, workload: Workload, autoscalers: Iterable[HorizontalPodAutoscaler]
) -> str | None:
    for autoscaler in autoscalers:
        target = autoscaler.spec.scale_target_ref
        if is_ours(autoscaler.metadata) or (target.kind, target.name) != (
            kind,
            workload.metadata.name,
        ):
            continue
        owner = autoscaler.metadata.controller
        name = f"HorizontalPodAutoscaler {autoscaler.metadata.name}"
        if owner is not None:
            name = f"{owner.kind} {owner.name}"
        return _written_by(name)
    return None


def _written_by(writer: str) -> str:
    return f"its replicas are written by {writer}; delete that first"


def _private_service(workload: Workload, service: ServiceObject | None) -> str | None:
    if service is None or is_ours(service.metadata):
        return None
    return f"there is a Service {private_name(workload.metadata.name)} that is not ours"


def _public_service(workload: Workload, service: ServiceObject | None) -> str | None:
    name, asked = public_name(workload), adopted_name(workload) is not None
    if not asked:
        if service is None or is_ours(service.metadata):
            return None
        return (
            f"there is a Service {name} that is not ours; to have it taken over, annotate with"
            f" {ADOPT_SERVICE}: {name}"
        )
    if service is None:
        return f"{ADOPT_SERVICE}: there is no Service {name}"
    return next(_against_adoption(workload, service), None)


def _against_adoption(workload: Workload, service: ServiceObject) -> Iterator[str]:
    prefix = f"{ADOPT_SERVICE}: Service {service.metadata.name}"
    owner = service.metadata.annotation(ADOPTED_BY)
    if is_ours(service.metadata) and service.metadata.name != workload.metadata.name:
        yield f"{prefix} is another revision's"
    if owner not in {None, workload.metadata.name}:
        yield f"{prefix} was adopted by {owner}"
    if service.spec.cluster_ip == _HEADLESS or service.spec.type == _NO_CLUSTER_IP:
        yield f"{prefix} has no address of its own (headless or ExternalName)"
    selector = service.spec.selector or {}
    if not selector and service.metadata.annotation(KEPT_SELECTOR) is None:
        yield f"{prefix} has no selector, so that it is not known to be this workload's"
    labels = workload.spec.template.metadata.labels or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        yield f"{prefix} selects other pods"
    if not request_ports(workload, service):
        yield f"{prefix} has several ports, and none leads to the model's"


def wanted_class(workload: Workload, defaults: Defaults) -> str:
    """Return who is to scale the workload."""
    return settings_of(workload).get(CLASS, defaults.pod_autoscaler_class)
