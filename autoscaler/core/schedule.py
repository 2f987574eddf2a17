"""Bounds by the clock: another least or most number of pods while a schedule is on.

A schedule starts by a cron expression in a time zone and is on for a duration, in real time:

    0 8 * * mon-fri Europe/Berlin 10h min-scale=3 max-scale=20

Worked example: at 12:00 in Berlin on a Monday that schedule has been on for four hours; at 18:00 it
is over. When clocks change, a start that falls into the missing hour is the first moment after it,
and a start in the hour that comes twice is its first coming. A duration is not stretched or cut by
that: ten hours are ten hours. Of several that are on, the last one that names a bound sets it.

The dates are worked out by cronsim, as Debian's cron does; the present time comes in as a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from servingkit.core.duration import format_duration, parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

EXPECTED = (
    "schedules, one a line or after a semicolon, such as"
    " 0 8 * * mon-fri Europe/Berlin 10h min-scale=3 max-scale=20"
    " (cron, IANA time zone, duration, bounds)"
)
LONGEST_S = 31 * 86_400.0
_MINUTE_S = 60
_MOST_REMEMBERED = 32_768
"""Different starts of schedules in a minute that are worked out once: 0.2 ms each."""

_CRON_FIELDS = 5
_MOST_INT32 = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When bounds other than the revision's own hold, and which."""

    cron: str
    time_zone: str
    duration_s: float
    min_scale: int | None
    """None: it says nothing of the least pods."""

    max_scale: int | None
    """0: no limit. None: it says nothing of the most pods."""

    def __str__(self) -> str:
        return f"{self.cron} {self.time_zone} {format_duration(self.duration_s)}"


class ScheduledBound(NamedTuple):
    """A bound that holds now, and the schedule that sets it."""

    pods: int
    schedule: Schedule


class ScheduledBounds(NamedTuple):
    """What the schedules say of one moment. None: nothing."""

    min_scale: ScheduledBound | None = None
    max_scale: ScheduledBound | None = None


NO_BOUNDS = ScheduledBounds()


def parse_schedules(text: str) -> tuple[Schedule, ...]:
    """Return the schedules of an annotation. Raises ValueError that says what was expected."""
    lines = (line.strip() for line in text.replace(";", "\n").splitlines())
    return tuple(_parse(line) for line in lines if line)


def bounds_at(schedules: Iterable[Schedule], wall_s: float) -> ScheduledBounds:
    """Return the bounds at `wall_s`, seconds since 1970 (UTC)."""
    bounds = NO_BOUNDS
    for schedule in schedules:
        if not is_on(schedule, wall_s):
            continue
        if schedule.min_scale is not None:
            bounds = bounds._replace(min_scale=ScheduledBound(schedule.min_scale, schedule))
        if schedule.max_scale is not None:
            bounds = bounds._replace(max_scale=ScheduledBound(schedule.max_scale, schedule))
    return bounds


def is_on(schedule: Schedule, wall_s: float) -> bool:
    """Tell whether the last start is no longer ago than the duration."""
    started_at = _last_start(schedule.cron, schedule.time_zone, int(wall_s // _MINUTE_S))
    return started_at is not None and wall_s - started_at < schedule.duration_s


@lru_cache(maxsize=_MOST_REMEMBERED)
def _last_start(cron: str, time_zone: str, minute: int) -> float | None:
    """Return the last start up to a minute since 1970; crons are whole minutes, so it holds for it.

    None: there was none.
    """
    zone = ZoneInfo(time_zone)
    # cronsim looks strictly before: from within the minute, its beginning is found.
    within = datetime.fromtimestamp(minute * _MINUTE_S + _MINUTE_S / 2, UTC)
    last = next(CronSim(cron, within.astimezone(zone), reverse=True), None)
    if last is None:
        return None
    # Backwards it knows of an hour that comes twice only its second coming; forwards it knows both.
    for start in CronSim(cron, last):
        if start > within:
            break
        last = start
    return last.timestamp()


def _parse(line: str) -> Schedule:
    words = line.split()
    cron, rest = " ".join(words[:_CRON_FIELDS]), words[_CRON_FIELDS:]
    if len(rest) < 3:  # noqa: PLR2004 -- a zone, a duration, and at least one bound
        message = f"{EXPECTED}; {line!r} is too short"
        raise ValueError(message)
    time_zone, duration, *bounds = rest
    _check_start(cron, time_zone)
    duration_s = parse_duration(duration)
    if duration_s is None or not _MINUTE_S <= duration_s <= LONGEST_S:
        message = f"a duration from 1m to 744h, where {duration!r} is"
        raise ValueError(message)
    scale = _parse_bounds(bounds)
    return Schedule(
        cron=cron,
        time_zone=time_zone,
        duration_s=duration_s,
        min_scale=scale.get("min-scale"),
        max_scale=scale.get("max-scale"),
    )


def _check_start(cron: str, time_zone: str) -> None:
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"an IANA time zone such as Europe/Berlin, where {time_zone!r} is"
        raise ValueError(message) from error
    try:
        CronSim(cron, datetime.fromtimestamp(0, zone))
    except CronSimError as error:
        message = f"a cron expression of five fields, where {cron!r} is ({error})"
        raise ValueError(message) from error


def _parse_bounds(words: list[str]) -> dict[str, int]:
    bounds: dict[str, int] = {}
    for word in words:
        name, _, number = word.partition("=")
        if name not in {"min-scale", "max-scale"} or name in bounds or not number.isdecimal():
            message = f"min-scale=PODS or max-scale=PODS, once each, where {word!r} is"
            raise ValueError(message)
        bounds[name] = min(int(number), _MOST_INT32)
    if 0 < bounds.get("max-scale", 0) < bounds.get("min-scale", 0):
        message = f"a max-scale of at least min-scale, where {' '.join(words)!r} is"
        raise ValueError(message)
    return bounds
