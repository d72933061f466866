"""Rules: which events are meant, or when one is made."""

from dataclasses import dataclass
from datetime import datetime

from ostler.capabilities.events.errors import InvalidEventPatternException
from ostler.capabilities.events.model.names import DEFAULT_BUS
from ostler.foundation.errors import ValidationException
from ostler.grammar.eventpatterns import Pattern, PatternFault, read
from ostler.grammar.schedules import EVENTBRIDGE, Schedule, ScheduleFault
from ostler.grammar.schedules import read as read_schedule

DISABLED = "DISABLED"
ENABLED = "ENABLED"


@dataclass(frozen=True, slots=True)
class Bus:
    """Where events come together; every account has the default one."""

    name: str
    description: str = ""
    dead_letters: str = ""
    created: datetime | None = None
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done on a bus when an event fits the pattern, or when the schedule says so.

    `since` is the instant from which the schedule counts.
    """

    bus: str
    name: str
    pattern: str = ""
    schedule: str = ""
    state: str = ENABLED
    description: str = ""
    role: str = ""
    author: str = ""
    since: datetime | None = None

    @property
    def enabled(self) -> bool:
        return self.state != DISABLED


def check_rule(rule: Rule) -> None:
    """Refuse a rule that could not work."""
    if not rule.pattern and not rule.schedule:
        raise ValidationException(
            "Parameter(s) EventPattern or ScheduleExpression must be specified."
        )
    if rule.pattern:
        pattern_of(rule.pattern)
    if rule.schedule:
        if rule.bus != DEFAULT_BUS:
            raise ValidationException(
                "ScheduleExpression is supported only on the default event bus."
            )
        schedule_of(rule.schedule)


def pattern_of(text: str) -> Pattern:
    """The pattern, read; InvalidEventPatternException where it is none."""
    try:
        return read(text)
    except PatternFault as fault:
        raise InvalidEventPatternException(
            f"Event pattern is not valid. Reason: {fault}"
        ) from fault


def schedule_of(text: str) -> Schedule:
    """The schedule, read; ValidationException where it is none."""
    try:
        return read_schedule(text, EVENTBRIDGE)
    except ScheduleFault as fault:
        raise ValidationException(
            f"Parameter ScheduleExpression is not valid. Reason: {fault}"
        ) from fault
