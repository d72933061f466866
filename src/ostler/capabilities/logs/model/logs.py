"""Logs: groups of streams of events, and the rules for what may be put into them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from ostler.capabilities.logs.errors import InvalidParameterException, TooManyTagsException

MOST_EVENTS = 10_000
LARGEST_BATCH = 1_048_576
"""Bytes of the messages of one batch, with those that each event counts besides."""
EVENT_OVERHEAD = 26
OLDEST = timedelta(days=14)
NEWEST = timedelta(hours=2)
LONGEST_SPAN = timedelta(hours=24)
RETENTIONS = frozenset(
    {
        *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
        *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
    }
)
MOST_TAGS = 50


@dataclass(frozen=True, slots=True)
class Group:
    """A group of streams; its events are kept for so many days, or for ever."""

    number: int
    name: str
    created: datetime
    retention: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def keeps_from(self, now: datetime) -> datetime | None:
        """What is older is not kept any more."""
        return None if self.retention is None else now - timedelta(days=self.retention)


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of events, in the order of their times."""

    number: int
    group: int
    name: str
    created: datetime
    first_event: datetime | None = None
    last_event: datetime | None = None
    last_ingestion: datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A line of a log, and when it was written."""

    at: datetime
    message: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An event as it is kept: `sequence` tells apart what was written in the same millisecond."""

    sequence: int
    stream: str
    at: datetime
    ingested: datetime
    message: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """Which events of a batch are taken: those from `start` up to `end`.

    Before `too_old` they are older than fortnight, before `expired` older than the group keeps any.
    """

    start: int
    end: int
    too_old: int | None = None
    expired: int | None = None
    too_new: int | None = None


def check_batch(events: Sequence[Event]) -> None:
    """Refuse a batch as a whole."""
    size = sum(len(event.message.encode()) + EVENT_OVERHEAD for event in events)
    if size > LARGEST_BATCH:
        raise InvalidParameterException(
            f"Upload too large: {size} bytes exceeds limit of {LARGEST_BATCH}"
        )
    times = [event.at for event in events]
    if any(later < earlier for earlier, later in pairwise(times)):
        raise InvalidParameterException(
            "Log events in a single PutLogEvents request must be in chronological order."
        )
    if times[-1] - times[0] > LONGEST_SPAN:
        raise InvalidParameterException(
            "The batch of log events in a single PutLogEvents request cannot span more than "
            "24 hours."
        )


def sort_out(events: Sequence[Event], now: datetime, keeps_from: datetime | None) -> Sorted:
    """Which of a batch's events are taken."""
    start, end = 0, len(events)
    too_old = expired = too_new = None
    if keeps_from is not None and keeps_from > now - OLDEST:
        while start < end and events[start].at < keeps_from:
            start += 1
        expired = start or None
    else:
        while start < end and events[start].at < now - OLDEST:
            start += 1
        too_old = start or None
    while end > start and events[end - 1].at > now + NEWEST:
        end -= 1
        too_new = end
    return Sorted(start, end, too_old, expired, too_new)


def check_retention(days: int) -> None:
    """Refuse a number of days that groups cannot have."""
    if days not in RETENTIONS:
        raise InvalidParameterException(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy "
            f"constraint: Member must satisfy enum value set: {sorted(RETENTIONS)}"
        )


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse tags that groups cannot carry."""
    if len(tags) > MOST_TAGS:
        raise TooManyTagsException(f"A log group has at most {MOST_TAGS} tags.")
    if any(key.lower().startswith("aws:") for key in tags):
        raise InvalidParameterException("Tag keys that begin with aws: are reserved.")


def group_of(identifier: str) -> str:
    """The name of the group that a name or an ARN means."""
    if not identifier.startswith("arn:"):
        return identifier
    return identifier.split(":", 6)[-1].removesuffix(":*")


def instant(milliseconds: int) -> datetime:
    """The instant so many milliseconds after 1970; InvalidParameterException out of all bounds."""
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise InvalidParameterException(f"{milliseconds} is no time.") from None


def milliseconds(at: datetime) -> int:
    """The other way."""
    return (at - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
