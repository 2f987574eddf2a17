"""Revisions as the API tells of them."""

from dataclasses import asdict

from autoscaler.status import (
    DecisionStatus,
    MeasureStatus,
    PredictionStatus,
    RevisionDetail,
    WindowsStatus,
)
from tests.autoscaler.test_metrics import STATUS


def decision(*, asked_pods: int = 1, desired_pods: int = 3) -> DecisionStatus:
    return DecisionStatus(
        at_s=1_000_000_000.0,
        desired_pods=desired_pods,
        reason="3 pods: because",
        mode="proxy",
        phase="active",
        panicking=False,
        held_by=(),
        target_value=7.0,
        stable_value=3.5,
        panic_value=4.5,
        stable_pods=3,
        panic_pods=3,
        excess_burst_capacity=-1,
        asked_pods=asked_pods,
        ready_pods=1,
        silent=(),
        measures=(
            MeasureStatus(
                metric="vllm:num_requests_waiting",
                target_value=5.0,
                stable_value=12.0,
                panic_value=20.0,
            ),
        ),
        silent_metrics=("queue_depth",),
        prediction=PredictionStatus(mode="preview", value=30.0, horizon_s=60.0, pods=4),
    )


def detail(*seconds: float | None, metric: str = "concurrency") -> RevisionDetail:
    windows = WindowsStatus(
        stable_window_s=60,
        panic_window_s=6,
        concurrency=seconds,
        requests_per_second=tuple(value and value * 2 for value in seconds),
    )
    decisions = (decision(), decision(asked_pods=3))
    fields = {**asdict(STATUS), "metric": metric}
    unknown = ("nobody reads inflight.dev/port-; is inflight.dev/port meant?",)
    return RevisionDetail(
        **fields, windows=windows, decisions=decisions, unknown_annotations=unknown
    )
