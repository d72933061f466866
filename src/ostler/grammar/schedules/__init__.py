"""Schedules: when something is due, by cron(…), rate(…) or at(…).

`read` understands a text in the dialect of one scheduler; the `Schedule` then tells when it is due
next. Whoever keeps a schedule also keeps the instant since which it holds: rates count from there,
and nothing is due before.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ostler.grammar.schedules.cron import Cron, cron_of
from ostler.grammar.schedules.dialects import (
    EVENTBRIDGE,
    MAINTENANCE_WINDOWS,
    STATE_MANAGER,
    Dialect,
)
from ostler.grammar.schedules.faults import ScheduleFault
from ostler.grammar.schedules.zones import instant, wall, zone_of

__all__ = [
    "EVENTBRIDGE",
    "MAINTENANCE_WINDOWS",
    "STATE_MANAGER",
    "Dialect",
    "Schedule",
    "ScheduleFault",
    "read",
]

_LONGEST = timedelta(days=366 * 100)
_EXPRESSION = re.compile(r"(cron|rate|at)\((.*)\)")
_RATE = re.compile(r"([1-9][0-9]{0,8}) (minute|hour|day)(s?)")
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?")


@dataclass(frozen=True, slots=True)
class Schedule:
    """What was written, understood. `offset` waits so many days after the time that cron names."""

    when: Cron | timedelta | datetime
    zone: ZoneInfo
    offset: timedelta

    @property
    def once(self) -> bool:
        """Whether it is due a single time, at(…)."""
        return isinstance(self.when, datetime)

    def next(self, after: datetime, *, since: datetime) -> datetime | None:
        """When it is due first after an instant, in UTC; None if never again.

        A time with an offset counts only if the day that cron names is not before `since`: a
        schedule made between the second Tuesday and two days later waits for the next month's.
        """
        match self.when:
            case timedelta():
                return since + self.when * max(1, (after - since) // self.when + 1)
            case datetime():
                due = instant(self.when, self.zone)
                return due if due > after and due >= since else None
            case Cron():
                start = wall(max(after, since), self.zone).replace(microsecond=0) - self.offset
                for named in self.when.times_from(start):
                    due = instant(named + self.offset, self.zone)
                    if due > after and instant(named, self.zone) >= since:
                        return due
                return None

    def upcoming(self, after: datetime, *, since: datetime) -> Iterator[datetime]:
        """When it is due after an instant, again and again."""
        due = self.next(after, since=since)
        while due is not None:
            yield due
            due = self.next(due, since=since)


def read(text: str, dialect: Dialect, *, zone: str = "UTC", offset: int = 0) -> Schedule:
    """The schedule that a text means, with an offset in days; ScheduleFault if it means none."""
    expression = _EXPRESSION.fullmatch(text.strip())
    if expression is None or (expression[1] == "at" and not dialect.once):
        known = "cron(…), rate(…) or at(…)" if dialect.once else "cron(…) or rate(…)"
        raise ScheduleFault(f"A schedule of {dialect.name} is {known}.")
    if offset and expression[1] != "cron":
        raise ScheduleFault("Only a cron expression has an offset.")
    when: Cron | timedelta | datetime
    match expression[1]:
        case "cron":
            when = cron_of(expression[2])
            dialect.check_cron(when)
        case "rate":
            when = _rate(expression[2])
            dialect.check_rate(when)
        case _:
            when = _instant(expression[2])
    return Schedule(when, zone_of(zone), timedelta(days=offset))


def _rate(text: str) -> timedelta:
    written = _RATE.fullmatch(text.strip())
    if written is None:
        raise ScheduleFault("A rate is a number and minutes, hours or days: rate(30 minutes).")
    number, unit, plural = int(written[1]), written[2], bool(written[3])
    if plural == (number == 1):
        raise ScheduleFault(f"It is {number} {unit}{'' if number == 1 else 's'}.")
    every = timedelta(**{f"{unit}s": number})
    if every > _LONGEST:
        raise ScheduleFault("A rate is not longer than a hundred years.")
    return every


def _instant(text: str) -> datetime:
    if _AT.fullmatch(text.strip()) is None:
        raise ScheduleFault("A single run is written at(2026-11-28T15:30:00).")
    try:
        # No zone: the schedule's own decides what the clock of the wall means.
        return datetime.fromisoformat(text.strip())
    except ValueError as fault:
        raise ScheduleFault(f"{text} is no date and time: {fault}.") from None
