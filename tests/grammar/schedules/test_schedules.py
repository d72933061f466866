"""Schedules: due when AWS says, on leap days and when clocks jump, and refused with a reason."""

import tomllib
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostler.grammar.schedules import (
    EVENTBRIDGE,
    MAINTENANCE_WINDOWS,
    STATE_MANAGER,
    ScheduleFault,
    read,
)

CASES = Path(__file__).parent.parent.parent / "cases/schedules"
DUE = tomllib.loads((CASES / "due.toml").read_text())["case"]
REFUSED = [
    (dialect.replace("_", " "), text, words)
    for dialect, texts in tomllib.loads((CASES / "refused.toml").read_text()).items()
    for text, words in texts.items()
]
DIALECTS = {each.name: each for each in (STATE_MANAGER, MAINTENANCE_WINDOWS, EVENTBRIDGE)}

QUARTER = timedelta(minutes=15)
ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"]
NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


@pytest.mark.parametrize("case", DUE, ids=lambda case: case["about"])
def test_a_schedule_is_due_when_aws_says(case):
    schedule = read(
        case["text"],
        DIALECTS[case.get("dialect", "State Manager")],
        zone=case.get("zone", "UTC"),
        offset=case.get("offset", 0),
    )
    upcoming = schedule.upcoming(case["after"], since=case.get("since", case["after"]))

    assert case["due"] == list(islice(upcoming, len(case["due"])))
    if case.get("then_never"):
        assert next(upcoming, None) is None


@pytest.mark.parametrize(("dialect", "text", "words"), REFUSED)
def test_what_a_dialect_does_not_take_is_refused_with_a_reason(dialect, text, words):
    with pytest.raises(ScheduleFault) as fault:
        read(text, DIALECTS[dialect])
    assert words in str(fault.value)


@pytest.mark.parametrize("text", ["rate(2 hours)", "at(2026-11-28T10:00:00)"])
def test_only_cron_has_an_offset(text):
    with pytest.raises(ScheduleFault, match="Only a cron expression has an offset"):
        read(text, STATE_MANAGER, offset=2)


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "EU"])
def test_a_zone_is_one_of_the_iana_database(zone):
    with pytest.raises(ScheduleFault, match="not a time zone"):
        read("cron(0 2 ? * SUN *)", MAINTENANCE_WINDOWS, zone=zone)


def _weekday(day):
    return day.isoweekday() % 7


def _nearest(wanted):
    def fits(day):
        month = [
            day.replace(day=1) + timedelta(days=n)
            for n in range(31)
            if (day.replace(day=1) + timedelta(days=n)).month == day.month
        ]
        if wanted > len(month):
            return False
        weekdays = [each for each in month if each.isoweekday() < 6]
        return day.date() == min(weekdays, key=lambda each: abs(each.day - wanted)).date()

    return fits


# Each day rule twice: as it is written (day of month, day of week), and as plainly as can be.
DAYS = st.one_of(
    st.just((("*", "?"), lambda day: True)),
    st.sets(st.integers(1, 31), min_size=1, max_size=3).map(
        lambda days: ((",".join(map(str, days)), "?"), lambda day: day.day in days)
    ),
    st.integers(0, 5).map(
        lambda n: (
            (f"L-{n}" if n else "L", "?"),
            lambda day: (
                (day + timedelta(days=n + 1)).day == 1 + 0
                and (day + timedelta(days=n)).month == day.month
            ),
        )
    ),
    st.integers(1, 31).map(lambda n: ((f"{n}W", "?"), _nearest(n))),
    st.sets(st.integers(0, 6), min_size=1).map(
        lambda days: (("?", ",".join(NAMES[n] for n in days)), lambda day: _weekday(day) in days)
    ),
    st.integers(0, 6).map(
        lambda n: (
            ("?", f"{n + 1}L"),
            lambda day: _weekday(day) == n and (day + timedelta(days=7)).month != day.month,
        )
    ),
    st.tuples(st.integers(0, 6), st.integers(1, 5)).map(
        lambda nth: (
            ("?", f"{NAMES[nth[0]]}#{nth[1]}"),
            lambda day: _weekday(day) == nth[0] and (day.day - 1) // 7 + 1 == nth[1],
        )
    ),
)


def _walls(before, at):
    """What the clock came past on its way to a quarter of an hour: much more when it jumped."""
    shown = before + QUARTER
    while shown <= at:
        yield shown
        shown += QUARTER


def _slowly(fits, zone, after, until):
    """Every quarter of an hour between two instants, asked whether it is due."""
    seen = after - timedelta(days=2)
    shown = seen.astimezone(zone).replace(tzinfo=None)
    highest, due = shown, []
    while seen < until:
        seen += QUARTER
        at = seen.astimezone(zone).replace(tzinfo=None)
        # Set back, the clock shows again what it has shown: nothing new until it is past that.
        if any(fits(wall) for wall in _walls(highest, at)) and seen > after:
            due.append(seen)
        highest = max(highest, at)
    return due


@settings(max_examples=150, deadline=None)
@given(
    days=DAYS,
    hours=st.sets(st.integers(0, 23), min_size=1, max_size=3),
    minutes=st.sets(st.sampled_from([0, 15, 30, 45]), min_size=1, max_size=2),
    zone=st.sampled_from(ZONES),
    after=st.datetimes(datetime(2024, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_cron_names_the_times_that_a_plain_look_at_every_quarter_finds(
    days, hours, minutes, zone, after
):
    (of_month, of_week), fits_day = days
    after = after.replace(minute=0, second=0, microsecond=0)
    until = after + timedelta(days=40)
    text = (
        f"cron({','.join(map(str, minutes))} {','.join(map(str, hours))} {of_month} * {of_week} *)"
    )
    schedule = read(text, MAINTENANCE_WINDOWS, zone=zone)

    def fits(wall):
        return wall.minute in minutes and wall.hour in hours and fits_day(wall)

    found = []
    for due in schedule.upcoming(after, since=after):
        if due > until:
            break
        found.append(due)
    assert _slowly(fits, ZoneInfo(zone), after, until) == found


@given(
    text=st.sampled_from(["cron(0 2 ? * TUE#2 *)", "cron(0/30 * * * ? *)", "rate(7 hours)"]),
    since=st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    pauses=st.lists(st.timedeltas(timedelta(0), timedelta(days=3)), max_size=8),
)
def test_whoever_asks_again_and_again_misses_nothing_and_hears_nothing_twice(text, since, pauses):
    """A server that is away for a while asks from where it stood."""
    schedule = read(text, STATE_MANAGER)
    now, stood, heard = since, since, []
    for pause in pauses:
        now += pause
        while (due := schedule.next(stood, since=since)) is not None and due <= now:
            heard.append(due)
            stood = due
    expected = []
    for due in schedule.upcoming(since, since=since):
        if due > now:
            break
        expected.append(due)
    assert expected == heard


@given(st.text(alphabet="0123456789*?/-,#LWSUNMOTE ", max_size=40))
def test_any_text_is_a_schedule_that_is_due_later_or_refused(text):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for dialect in DIALECTS.values():
        try:
            schedule = read(f"cron({text})", dialect)
        except ScheduleFault:
            continue
        assert all(due > at for due in islice(schedule.upcoming(at, since=at), 3))
