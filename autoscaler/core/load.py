"""What is known of one revision's load at one moment, in the form in which decisions take it."""

from typing import Final, NamedTuple

from autoscaler.core.bounds import Observed
from autoscaler.core.collector import Collector
from autoscaler.core.decider import DeciderSpec, Measure, Reading
from autoscaler.core.model_metrics import ModelMetricHistory
from autoscaler.core.settings import Metric, ScalingSettings

NO_LOAD: Final = Reading(0.0, 0.0)


class Load(NamedTuple):
    """Averages over the windows."""

    reading: Reading | None
    """Of the revision's metric. None: nothing was reported for longer than the stable window."""

    concurrency: float
    """Requests in flight over the stable window, also when another metric decides."""

    measures: tuple[Measure, ...] = ()
    """Further metrics of which something is known."""

    silent_metrics: tuple[str, ...] = ()
    """Further metrics that should be known, and are not."""

    before_credit: Reading | None = None
    """What `reading` was before the credit for starting pods. None: no credit."""


def read_load(
    settings: ScalingSettings,
    spec: DeciderSpec,
    collector: Collector,
    of_model: ModelMetricHistory | None,
    cluster: Observed,
    now: float,
) -> Load:
    """Return the load at `now`. Without ready pods nobody can report the model's metrics."""
    in_flight = collector.reading(Metric.CONCURRENCY, now)
    counts_in_flight = settings.metric is Metric.CONCURRENCY
    reading = in_flight if counts_in_flight else collector.reading(settings.metric, now)
    before_credit = None
    if in_flight is not None and counts_in_flight and settings.additions.credit_starting_pods:
        before_credit = in_flight
        reading = collector.credited(in_flight, spec, cluster.replicas, now)
    measures = tuple(
        Measure(name, collector.reading(Metric(name), now) or NO_LOAD, target)
        for name, target in settings.additions.further_targets.items()
    )
    silent: tuple[str, ...] = ()
    if of_model is not None and cluster.ready_pods:
        windows_s = settings.stable_window_s, settings.panic_window_s
        measures += tuple(of_model.measures(*windows_s, now))
        silent = of_model.silent(now)
    return Load(
        reading=reading,
        concurrency=in_flight.stable if in_flight is not None else 0.0,
        measures=measures,
        silent_metrics=silent,
        before_credit=before_credit,
    )
