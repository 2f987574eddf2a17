import re
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.schedule import Schedule, bounds_at, is_on, parse_schedules

OFFICE = "0 8 * * mon-fri Europe/Berlin 10h min-scale=3 max-scale=20"
NIGHT = "30 2 * * * Europe/Berlin 1h min-scale=2"


def only(text: str) -> Schedule:
    (schedule,) = parse_schedules(text)
    return schedule


def at(text: str) -> float:
    """Return the seconds since 1970 of a date and time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("moment", "on"),
    [
        # A Monday in winter: Berlin is an hour ahead.
        ("2026-11-23T06:59:59", False),
        ("2026-11-23T07:00:00", True),
        ("2026-11-23T16:59:59", True),
        ("2026-11-23T17:00:00", False),
        # A Monday in summer: two hours.
        ("2026-07-06T06:00:00", True),
        ("2026-07-06T05:59:59", False),
        # A Sunday.
        ("2026-11-22T12:00:00", False),
    ],
)
def test_a_schedule_is_on_from_its_start_for_its_duration(moment: str, *, on: bool) -> None:
    assert is_on(only(OFFICE), at(moment)) is on


def test_a_duration_reaches_into_the_next_day() -> None:
    late = only("0 22 * * sat UTC 6h min-scale=1")
    assert is_on(late, at("2026-11-22T03:59:59"))
    assert not is_on(late, at("2026-11-22T04:00:00"))


def test_a_start_in_the_hour_that_is_missing_is_the_first_moment_after_it() -> None:
    # On 2026-03-29 in Berlin, 02:00 is followed by 03:00, which is 01:00 UTC.
    assert not is_on(only(NIGHT), at("2026-03-29T00:59:59"))
    assert is_on(only(NIGHT), at("2026-03-29T01:00:00"))
    assert is_on(only(NIGHT), at("2026-03-29T01:59:59"))
    assert not is_on(only(NIGHT), at("2026-03-29T02:00:00"))


def test_a_start_in_the_hour_that_comes_twice_happens_once() -> None:
    # On 2026-10-25 in Berlin, 02:30 comes at 00:30 and at 01:30 UTC.
    assert is_on(only(NIGHT), at("2026-10-25T00:30:00"))
    assert is_on(only(NIGHT), at("2026-10-25T01:29:59"))
    assert not is_on(only(NIGHT), at("2026-10-25T01:30:00"))


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-07-01"])
@pytest.mark.parametrize("cron", ["30 2 * * *", "0 3 * * *", "*/15 * * * *", "30 * * * sun"])
def test_every_minute_knows_the_last_start_before_it(cron: str, day: str) -> None:
    """From the day before, starts are counted up; each minute must find the last of them."""
    begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    starts = [start.timestamp() for start in islice(CronSim(cron, begin - timedelta(days=8)), 1200)]
    schedule = only(f"{cron} Europe/Berlin 1m min-scale=1")
    for minute in range(int(begin.timestamp()) // 60, int(begin.timestamp()) // 60 + 6 * 60):
        assert is_on(schedule, minute * 60) is (minute * 60 in starts), minute


def test_ten_hours_are_ten_hours_on_the_day_that_clocks_change() -> None:
    # Sunday 2026-03-29, from 22:00 the evening before: nine hours on the clock, eight of real time.
    evening = only("0 22 * * sat Europe/Berlin 8h min-scale=1")
    assert is_on(evening, at("2026-03-29T04:59:59"))
    assert not is_on(evening, at("2026-03-29T05:00:00"))


def test_of_several_that_are_on_the_last_one_that_names_a_bound_sets_it() -> None:
    schedules = parse_schedules(
        "0 0 * * * UTC 24h min-scale=1 max-scale=5\n0 12 * * * UTC 1h min-scale=4"
    )
    bounds = bounds_at(schedules, at("2026-11-23T12:30:00"))
    assert bounds.min_scale is not None
    assert bounds.max_scale is not None
    assert (bounds.min_scale.pods, bounds.max_scale.pods) == (4, 5)
    assert str(bounds.min_scale.schedule) == "0 12 * * * UTC 1h"
    later = bounds_at(schedules, at("2026-11-23T13:30:00"))
    assert later.min_scale is not None
    assert later.min_scale.pods == 1


def test_before_its_first_start_a_schedule_says_nothing() -> None:
    assert bounds_at([only("0 0 29 2 * UTC 1h min-scale=1")], 0.0) == (None, None)


@pytest.mark.parametrize("separator", ["\n", ";", " ;\n\n"])
def test_schedules_are_separated_by_lines_or_semicolons(separator: str) -> None:
    assert len(parse_schedules(OFFICE + separator + NIGHT)) == 2


def test_no_text_is_no_schedule() -> None:
    assert parse_schedules(" \n") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 8 * * mon-fri Europe/Berlin 10h", "is too short"),
        ("0 8 * * mon-fri Berlin 10h min-scale=1", "time zone such as Europe/Berlin, where 'Berl"),
        ("0 8 * * mon-fri ../etc 10h min-scale=1", "time zone"),
        ("0 25 * * mon-fri UTC 10h min-scale=1", "cron expression of five fields, where '0 25"),
        ("0 8 * * mon-fri UTC 10 min-scale=1", "a duration from 1m to 744h, where '10' is"),
        ("0 8 * * mon-fri UTC 745h min-scale=1", "a duration from 1m to 744h"),
        ("0 8 * * mon-fri UTC 1h min-scale=-1", "where 'min-scale=-1' is"),
        ("0 8 * * mon-fri UTC 1h scale=1", "where 'scale=1' is"),
        ("0 8 * * mon-fri UTC 1h min-scale=1 min-scale=2", "once each"),
        ("0 8 * * mon-fri UTC 1h min-scale=3 max-scale=2", "a max-scale of at least min-scale"),
    ],
)
def test_a_bad_schedule_is_refused_with_what_was_expected(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_schedules(text)


@given(st.text())
def test_any_text_is_schedules_or_refused(text: str) -> None:
    try:
        schedules = parse_schedules(text)
    except ValueError:
        return
    bounds_at(schedules, 1e9)
