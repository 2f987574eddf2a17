"""Whether enough was reported to take pods away: *never down on missing data*.

A silent source is not an idle one. Pods may be taken away only while every ready activator and the
ready pods (of many pods, as many as a valid sample has) reported within the last 5 s, and the last
pod only when all of them did. A silence of more than 5 s leaves a hole in the windows, and a hole
reads as zeros; so decreases wait until it has left the stable window. A new source leaves no hole:
its first report is only waited for, each new one's for 5 s from when it was first seen.

Worked example, stable window 60 s: the only pod falls silent at 100. From 105 on nothing shrinks.
It reports again at 130: the windows know nothing of 100 to 130, so decreases wait until 190.

A process that has just begun knows nothing of the time before it. If a revision had pods then, its
windows count as whole when they have been filled once; until then nothing shrinks.
"""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from autoscaler.core.sampling import sample_size

REPORT_MAX_AGE_S = 5.0
"""A report older than this counts as missing."""

_NOBODY: Final[Mapping[str, float]] = {}


class Sources(NamedTuple):
    """Who must report, and when each was last heard; unknown names were never heard."""

    ready_pods: Collection[str]
    pods_heard_at: Mapping[str, float]
    activators: Collection[str]
    activators_heard_at: Mapping[str, float]


class Coverage(NamedTuple):
    """What the reports allow."""

    decrease: bool
    """Whether pods may be taken away."""

    zero: bool
    """Whether the last pod may go."""

    silent: tuple[str, ...]
    """Pods and activators without a fresh report."""

    overdue: bool
    """Whether reports have been missing for so long that it is no longer normal."""

    whole_in_s: float = 0.0
    """How long it takes, with complete reports, until the windows are whole. 0: they are."""

    young: bool = False
    """Whether they are not whole only since this process has not listened for long enough."""


class CoverageState(NamedTuple):
    """What one judgement leaves for the next."""

    began_at: float | None = None
    """When this process began to listen to pods that were there before. None: there were none, or
    the windows have been filled since."""

    gap_ended_at: float | None = None
    """When reports were last missing for so long that the windows have a hole. None: they have
    none."""

    awaited_since: Mapping[str, float] = _NOBODY
    """Pods and activators that have not reported yet, and when each was first seen."""


_COMPLETE: Final = Coverage(decrease=True, zero=True, silent=(), overdue=False)
_WHOLE: Final = CoverageState()


def judge(
    state: CoverageState, sources: Sources, stable_window_s: float, now: float
) -> tuple[Coverage, CoverageState]:
    """Return what the reports allow at `now`."""
    silent_pods = _silent(sources.ready_pods, sources.pods_heard_at, now)
    silent_activators = _silent(sources.activators, sources.activators_heard_at, now)
    silent = (*silent_pods, *silent_activators)
    if not silent and state.began_at is None and state.gap_ended_at is None:
        return _COMPLETE, _WHOLE
    awaited_since = _awaited(state, sources, silent, now) if silent else _NOBODY
    ready_pods = len(sources.ready_pods)
    is_sample = not silent_pods or ready_pods - len(silent_pods) >= sample_size(ready_pods)
    complete = is_sample and not silent_activators
    overdue = not complete and _is_overdue(silent, awaited_since, now)
    hole_s = stable_window_s if overdue else _left_s(state.gap_ended_at, stable_window_s, now)
    youth_s = _left_s(state.began_at, stable_window_s, now)
    decrease = complete and hole_s == youth_s == 0
    coverage = Coverage(
        decrease=decrease,
        zero=decrease and not silent_pods,
        silent=silent,
        overdue=overdue,
        whole_in_s=max(hole_s, youth_s),
        young=complete and hole_s == 0 < youth_s,
    )
    gap_ended_at = now if overdue else state.gap_ended_at
    state = CoverageState(
        began_at=state.began_at if youth_s else None,
        gap_ended_at=gap_ended_at if hole_s else None,
        awaited_since=awaited_since,
    )
    return coverage, state


def _awaited(
    state: CoverageState, sources: Sources, silent: tuple[str, ...], now: float
) -> Mapping[str, float]:
    """Return who has not reported yet, and since when each is waited for."""
    return {
        name: state.awaited_since.get(name, now)
        for name in silent
        if name not in sources.pods_heard_at and name not in sources.activators_heard_at
    }


def _is_overdue(silent: tuple[str, ...], awaited_since: Mapping[str, float], now: float) -> bool:
    """Tell whether somebody fell silent, or a first report is awaited for too long."""
    if len(awaited_since) < len(silent):
        return True
    return now - min(awaited_since.values()) > REPORT_MAX_AGE_S


def _left_s(since: float | None, span_s: float, now: float) -> float:
    return 0.0 if since is None else max(0.0, since + span_s - now)


def _silent(names: Collection[str], heard_at: Mapping[str, float], now: float) -> list[str]:
    oldest = now - REPORT_MAX_AGE_S
    return [name for name in names if heard_at.get(name, oldest - 1) < oldest]
