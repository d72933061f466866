"""Cron: the times of a calendar, as AWS writes them.

Six fields (minutes, hours, day of month, month, day of week, year), or seven with seconds before
them. Days of the week count from 1, Sunday, as in Quartz, and not as in Unix.
"""

import calendar
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from ostler.grammar.schedules.faults import ScheduleFault

FIRST_YEAR, LAST_YEAR = 1970, 2199

_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}

Days = Callable[[int, int], frozenset[int]]
"""The days of a month, given its year and number."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    most: int
    names: dict[str, int] | None = None


_SECONDS = _Field("Seconds", 0, 59)
_MINUTES = _Field("Minutes", 0, 59)
_HOURS = _Field("Hours", 0, 23)
_DAY_OF_MONTH = _Field("Day-of-month", 1, 31)
_MONTH = _Field("Month", 1, 12, _MONTHS)
_DAY_OF_WEEK = _Field("Day-of-week", 1, 7, _WEEKDAYS)
_YEAR = _Field("Year", FIRST_YEAR, LAST_YEAR)

_RANGE = re.compile(r"(?:(\*)|([0-9A-Z]+)(?:-([0-9A-Z]+))?)(?:/([0-9]+))?")
_LAST_DAY = re.compile(r"L(?:-([0-9]{1,2}))?(W)?")
_NEAREST = re.compile(r"([0-9]{1,2})W")
_LAST_WEEKDAY = re.compile(r"([0-9A-Z]+)L")
_NTH_WEEKDAY = re.compile(r"([0-9A-Z]+)#([0-9]+)")


@dataclass(frozen=True, slots=True)
class Cron:
    """The times that an expression names, on the clock of a wall: no time zone is known here."""

    times: tuple[time, ...]
    months: frozenset[int]
    years: frozenset[int]
    days: Days
    has_seconds: bool
    every_month: bool
    question_marks: int

    def times_from(self, start: datetime) -> Iterator[datetime]:
        """The times at or after this one, in order; none after the year 2199."""
        for year in sorted(self.years):
            if year < start.year:
                continue
            for month in sorted(self.months):
                if (year, month) < (start.year, start.month):
                    continue
                for day in sorted(self.days(year, month)):
                    if date(year, month, day) < start.date():
                        continue
                    for at in self.times:
                        if (wall := datetime.combine(date(year, month, day), at)) >= start:
                            yield wall

    @property
    def least_gap(self) -> timedelta:
        """The shortest time between two runs, on one day or over midnight."""
        walls = [datetime.combine(date(FIRST_YEAR, 1, 1), at) for at in self.times]
        walls.append(walls[0] + timedelta(days=1))
        return min(later - earlier for earlier, later in pairwise(walls))


def cron_of(text: str) -> Cron:
    """What stands between the parentheses of cron(…); ScheduleFault if it means nothing."""
    fields = text.upper().split()
    if len(fields) not in (6, 7):
        raise ScheduleFault(
            f"A cron expression has six fields (minutes, hours, day of month, month, day of week, "
            f"year), or seven with seconds before them; this one has {len(fields)}."
        )
    seconds, minutes, hours, of_month, month, of_week, year = (
        ["0"] if len(fields) == 6 else []
    ) + (fields)
    if of_month == "?" == of_week:
        raise ScheduleFault("Day-of-month and Day-of-week can't both be '?'.")
    if not {of_month, of_week} & {"?", "*"}:
        raise ScheduleFault(
            "Day-of-month and Day-of-week can't both have a value: write '?' for one of them."
        )
    # A day must fit both fields, of which at most one says anything.
    cron = Cron(
        tuple(
            time(hour, minute, second)
            for hour in sorted(_numbers(hours, _HOURS))
            for minute in sorted(_numbers(minutes, _MINUTES))
            for second in sorted(_numbers(seconds, _SECONDS))
        ),
        _numbers(month, _MONTH),
        _numbers(year, _YEAR),
        _days_of_month(of_month) if of_week in ("?", "*") else _days_of_week(of_week),
        len(fields) == 7,
        month == "*",
        (of_month, of_week).count("?"),
    )
    if next(cron.times_from(datetime.combine(date(FIRST_YEAR, 1, 1), time())), None) is None:
        raise ScheduleFault("The expression names a day that no month has.")
    return cron


def _numbers(text: str, field: _Field) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        found |= _one_range(part, field)
    return frozenset(found)


def _one_range(text: str, field: _Field) -> set[int]:
    written = _RANGE.fullmatch(text)
    if written is None:
        raise ScheduleFault(f"{text or 'Nothing'} is not a value of the field {field.name}.")
    every, start, end, step = written.groups()
    least = field.least if every else _number(start, field)
    # "5/10" goes on to the end of the field; "5" alone does not.
    most = field.most if every or (step and not end) else _number(end or start, field)
    by = int(step) if step else 1
    if not 1 <= by <= field.most:
        raise ScheduleFault(f"{text}: the step of {field.name} is from 1 to {field.most}.")
    if least <= most:
        return set(range(least, most + 1, by))
    if field is _YEAR:
        raise ScheduleFault(f"{text}: the years end before they begin.")
    # FRI-MON and 22-2 go over the end of the field and begin anew.
    size = field.most - field.least + 1
    return {
        (number - field.least) % size + field.least for number in range(least, most + size + 1, by)
    }


def _number(text: str, field: _Field) -> int:
    if field.names and text in field.names:
        return field.names[text]
    if not text.isascii() or not text.isdigit() or not field.least <= int(text) <= field.most:
        raise ScheduleFault(
            f"{text} is not a value of the field {field.name}, from {field.least} to {field.most}."
        )
    return int(text)


def _days_of_month(text: str) -> Days:
    if text in ("*", "?"):
        return lambda year, month: frozenset(range(1, _length(year, month) + 1))
    parts = [_part_of_month(part) for part in text.split(",")]
    return lambda year, month: frozenset().union(*(part(year, month) for part in parts))


def _part_of_month(text: str) -> Days:
    if last := _LAST_DAY.fullmatch(text):
        before, weekday = int(last[1] or 0), bool(last[2])
        if before > 30:
            raise ScheduleFault(f"{text}: no month has a day so long before its last.")
        return lambda year, month: _from_end(year, month, before, weekday=weekday)
    if near := _NEAREST.fullmatch(text):
        wanted = _number(near[1], _DAY_OF_MONTH)
        return lambda year, month: _nearest_weekday(year, month, wanted)
    days = _one_range(text, _DAY_OF_MONTH)
    return lambda year, month: frozenset(day for day in days if day <= _length(year, month))


def _from_end(year: int, month: int, before: int, *, weekday: bool) -> frozenset[int]:
    day = _length(year, month) - before
    if day < 1:
        return frozenset()
    return _nearest_weekday(year, month, day) if weekday else frozenset([day])


def _nearest_weekday(year: int, month: int, day: int) -> frozenset[int]:
    """The weekday nearest to a day, never in another month; none where the month is too short."""
    last = _length(year, month)
    if day > last:
        return frozenset()
    match date(year, month, day).isoweekday():
        case 6:
            return frozenset([day - 1 if day > 1 else day + 2])
        case 7:
            return frozenset([day + 1 if day < last else day - 2])
        case _:
            return frozenset([day])


def _days_of_week(text: str) -> Days:
    if "#" in text and "," in text:
        raise ScheduleFault(f"{text}: '#' stands alone in the field {_DAY_OF_WEEK.name}.")
    parts = [_part_of_week(part) for part in text.split(",")]
    return lambda year, month: frozenset().union(*(part(year, month) for part in parts))


def _part_of_week(text: str) -> Days:
    if nth := _NTH_WEEKDAY.fullmatch(text):
        weekday, count = _number(nth[1], _DAY_OF_WEEK), int(nth[2])
        if not 1 <= count <= 5:
            raise ScheduleFault(f"{text}: a month has a first to a fifth {nth[1]}.")
        return lambda year, month: frozenset(_on_weekday(year, month, weekday)[count - 1 : count])
    # "L" alone is the last day of the week. The names that end in L do not exist.
    if text == "L":
        return lambda year, month: frozenset(_on_weekday(year, month, 7))
    if last := _LAST_WEEKDAY.fullmatch(text):
        weekday = _number(last[1], _DAY_OF_WEEK)
        return lambda year, month: frozenset(_on_weekday(year, month, weekday)[-1:])
    weekdays = _one_range(text, _DAY_OF_WEEK)
    return lambda year, month: frozenset(
        day for weekday in weekdays for day in _on_weekday(year, month, weekday)
    )


def _on_weekday(year: int, month: int, weekday: int) -> Sequence[int]:
    first = date(year, month, 1).isoweekday() % 7 + 1
    return range(1 + (weekday - first) % 7, _length(year, month) + 1, 7)


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]
