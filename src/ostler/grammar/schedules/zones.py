"""Time zones: when the clock on a wall shows a time."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from ostler.grammar.schedules.faults import ScheduleFault


def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name; ScheduleFault if there is none."""
    if name not in _names():
        raise ScheduleFault(f"{name} is not a time zone of the IANA database.")
    return ZoneInfo(name)


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clock first shows this time, in UTC.

    A time that daylight saving skips is the moment at which the clock jumps over it: a job at 2:30
    runs then, late by the clock, rather than not at all. A time that comes twice comes the first
    time only.
    """
    local = wall.replace(tzinfo=zone, fold=0)
    found = local.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall:
        return found
    # In a gap. With the offset from before it, the instant lies after the jump; with the one from
    # after it, before: the jump is what lies between.
    low, high = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), found
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def wall(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows at an instant."""
    return at.astimezone(zone).replace(tzinfo=None)
