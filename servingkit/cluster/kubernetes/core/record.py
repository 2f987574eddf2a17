"""The record of a revision: what its private Service says of it.

The autoscaler's leader writes it from the workload; every program reads it. So the activators need
to see no workloads, and all programs see a revision in the same way, whatever kind of workload it
is. A settings change travels workload → leader → record → all.
"""

import msgspec

from servingkit.cluster.kubernetes.core.names import (
    ACTIVATOR_PORT,
    CONTAINER_CONCURRENCY,
    HOSTS,
    LEAVING,
    PRIVATE,
    PRIVATE_SUFFIX,
    RECORD,
    SERVICE_ROLE,
    TIMEOUT_SECONDS,
    is_setting,
)
from servingkit.cluster.kubernetes.core.objects import ServiceObject, Workload
from servingkit.config import ConfigError, Problem
from servingkit.core.revision import Revision, RevisionId
from servingkit.core.whole_number import whole_number

DEFAULT_TIMEOUT_S = 300.0
_MOST_CONCURRENCY = 1_000_000
_MOST_PORT = 65_535
_MOST_SECONDS = 2**31
"""As for the sidecar's own variables."""

_OF_THE_PODS = frozenset((CONTAINER_CONCURRENCY, TIMEOUT_SECONDS))


class Record(msgspec.Struct, frozen=True, rename="camel"):
    """What is written down of a revision."""

    uid: str
    """The workload's."""

    kind: str
    """The workload's, as `Deployment`."""

    settings: dict[str, str] = {}
    """Annotations that are ours or Knative's: the pod template's, over them the workload's."""


def settings_of(workload: Workload) -> dict[str, str]:
    """Return a workload's settings in the order of their names.

    What the sidecar is started with counts as the pod template has it. For the rest, the workload's
    own annotations win over its pod template's: a change there restarts no pod.
    """
    template = workload.spec.template.metadata.annotations or {}
    own = workload.metadata.annotations or {}
    merged = template | {key: own[key] for key in own if key not in _OF_THE_PODS}
    return {key: merged[key] for key in sorted(merged) if is_setting(key)}


def revision_id_of(service: ServiceObject) -> RevisionId | None:
    """Return whose private Service this is; None for any other Service."""
    metadata = service.metadata
    if metadata.label(SERVICE_ROLE) != PRIVATE:
        return None
    return revision_of_private(metadata.namespace, metadata.name)


def revision_of_private(namespace: str, name: str) -> RevisionId | None:
    """Return whose private Service has this name; None: it is no such name."""
    if not name.endswith(PRIVATE_SUFFIX):
        return None
    return RevisionId(namespace, name.removesuffix(PRIVATE_SUFFIX))


def read_record(service: ServiceObject) -> Record | None:
    """Return the record on a private Service; None when there is none that can be read."""
    try:
        return msgspec.json.decode(service.metadata.annotation(RECORD) or "", type=Record)
    except msgspec.MsgspecError:
        return None


def write_record(record: Record) -> str:
    """Return the annotation that `read_record` reads; equal records give equal text."""
    return msgspec.json.encode(record).decode()


def leaving_pods(service: ServiceObject) -> frozenset[str]:
    """Return the names of the pods that are to go next."""
    return frozenset(filter(None, (service.metadata.annotation(LEAVING) or "").split(",")))


def activator_port_of(service: ServiceObject) -> int:
    """Return the port on every activator that is this revision's; 0: none yet."""
    value = service.metadata.annotation(ACTIVATOR_PORT) or ""
    return whole_number(value, _MOST_PORT) or 0


def revision_of(service: ServiceObject) -> Revision | None:
    """Return the revision that a private Service stands for; None without a readable record.

    A setting that cannot be used counts as its default; who wrote the record has told of it.
    """
    revision_id, record = revision_id_of(service), read_record(service)
    if revision_id is None or record is None:
        return None
    try:
        limits = read_limits(record.settings)
    except ConfigError:
        limits = Limits()
    return Revision(
        id=revision_id,
        uid=record.uid,
        annotations=record.settings,
        container_concurrency=limits.container_concurrency,
        timeout_s=limits.timeout_s,
        hosts=limits.hosts,
        activator_port=activator_port_of(service),
    )


class Limits(msgspec.Struct, frozen=True):
    """Settings of a revision that do not scale it."""

    container_concurrency: int = 0
    timeout_s: float = DEFAULT_TIMEOUT_S
    hosts: tuple[str, ...] = ()


def read_limits(settings: dict[str, str]) -> Limits:
    """Read these settings. Raises ConfigError that names every bad one."""
    problems: list[Problem] = []
    concurrency = whole_number(settings.get(CONTAINER_CONCURRENCY, "0"), _MOST_CONCURRENCY)
    if concurrency is None:
        expected = f"a whole number from 0 (no limit) to {_MOST_CONCURRENCY}"
        problems.append(Problem(CONTAINER_CONCURRENCY, settings[CONTAINER_CONCURRENCY], expected))
    timeout_s = _seconds(settings.get(TIMEOUT_SECONDS, str(DEFAULT_TIMEOUT_S)))
    if timeout_s is None:
        expected = f"a number of seconds above 0 and below {_MOST_SECONDS}"
        problems.append(Problem(TIMEOUT_SECONDS, settings[TIMEOUT_SECONDS], expected))
    if problems:
        raise ConfigError(problems)
    hosts = tuple(filter(None, (host.strip() for host in settings.get(HOSTS, "").split(","))))
    return Limits(concurrency or 0, timeout_s or DEFAULT_TIMEOUT_S, hosts)


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 < seconds < _MOST_SECONDS else None
