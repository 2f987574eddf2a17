"""What the autoscaler sees and decides, for Prometheus: Knative's `kn.revision.*` metrics.

Dots are underscores, and the labels are Knative's attributes, so that its dashboards carry over. A
revision has its samples while it is being scaled, and none after that.

With thousands of revisions prometheus-client would take the process for most of a second. So the
text is written here, a few revisions at a time.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from autoscaler.status import RevisionStatus


class _Gauge(NamedTuple):
    name: str
    help: str
    read: Callable[[RevisionStatus], float | None]
    """None: this revision has no such value now."""


def _of(metric: str, read: Callable[[RevisionStatus], float | None]) -> Callable[..., float | None]:
    """Return `read` for revisions that are scaled by `metric`, and nothing for others."""
    return lambda status: read(status) if status.metric == metric else None


_GAUGES: Final = (
    _Gauge("kn_revision_pods_desired", "Pods that were decided on", lambda it: it.desired_pods),
    _Gauge(
        "kn_revision_pods_requested",
        "Pods that the cluster was asked for",
        lambda it: it.asked_pods,
    ),
    _Gauge("kn_revision_pods_count", "Ready pods", lambda it: it.ready_pods),
    _Gauge("kn_revision_pods_pending_count", "Starting pods", lambda it: it.starting_pods),
    _Gauge(
        "kn_revision_pods_terminating_count", "Terminating pods", lambda it: it.terminating_pods
    ),
    _Gauge(
        "kn_revision_pods_not_ready_count",
        "Pods that are not ready",
        lambda it: it.starting_pods + it.terminating_pods,
    ),
    _Gauge(
        "kn_revision_capacity_excess",
        "Capacity over the wanted burst; negative: activator in the path",
        lambda it: it.excess_burst_capacity,
    ),
    _Gauge("kn_revision_panic_mode", "1 while panicking", lambda it: it.panicking),
    *(
        gauge
        for metric in ("concurrency", "rps")
        for gauge in (
            _Gauge(
                f"kn_revision_{metric}_stable",
                "Average over the stable window",
                _of(metric, lambda it: it.stable_value),
            ),
            _Gauge(
                f"kn_revision_{metric}_panic",
                "Average over the panic window",
                _of(metric, lambda it: it.panic_value),
            ),
            _Gauge(
                f"kn_revision_{metric}_target",
                "Average per pod aimed at",
                _of(metric, lambda it: it.target_value),
            ),
        )
    ),
    _Gauge(
        "inflight_revision_proxied",
        "1 while the traffic goes through activators",
        lambda it: it.mode == "proxy",
    ),
)
_HELD: Final = "inflight_revision_held"
_HELD_HELP: Final = "1 for each limit that made the pods differ from the average over the target"


class RevisionText:
    """The samples of all revisions in Prometheus' text format, filled one by one."""

    def __init__(self) -> None:
        self._samples: list[list[str]] = [[] for _ in _GAUGES]
        self._held: list[str] = []

    def __repr__(self) -> str:
        return f"<RevisionText {sum(map(len, self._samples)) + len(self._held)} samples>"

    def add(self, status: RevisionStatus) -> None:
        """Add a revision."""
        namespace, name = _escaped(status.namespace), _escaped(status.name)
        labels = f'k8s_namespace_name="{namespace}",kn_revision_name="{name}"'
        for gauge, samples in zip(_GAUGES, self._samples, strict=True):
            value = gauge.read(status)
            if value is not None:
                samples.append(f"{gauge.name}{{{labels}}} {float(value)!r}\n")
        self._held += (
            f'{_HELD}{{{labels},limit="{_escaped(limit)}"}} 1.0\n' for limit in status.held_by
        )

    def text(self) -> str:
        """Return all that was added."""
        parts: list[str] = []
        for gauge, samples in zip(_GAUGES, self._samples, strict=True):
            parts += (_head(gauge.name, gauge.help), *samples)
        parts += (_head(_HELD, _HELD_HELP), *self._held)
        return "".join(parts)


def _head(name: str, text: str) -> str:
    return f"# HELP {name} {text}\n# TYPE {name} gauge\n"


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
