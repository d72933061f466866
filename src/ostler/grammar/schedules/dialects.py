"""Dialects: what each of AWS's schedulers takes, and what it refuses."""

from dataclasses import dataclass
from datetime import timedelta

from ostler.grammar.schedules.cron import Cron
from ostler.grammar.schedules.faults import ScheduleFault


@dataclass(frozen=True, slots=True)
class Dialect:
    """The limits of one scheduler.

    `least_rate` and `most_rate` (itself not allowed any more) bound rate(…), `least_gap` is the
    shortest time between two runs of cron(…).
    """

    name: str
    least_rate: timedelta
    most_rate: timedelta | None = None
    least_gap: timedelta | None = None
    once: bool = True
    seconds: bool = True
    seconds_other_than_zero: bool = True
    months: bool = True
    one_question_mark: bool = False

    def check_cron(self, cron: Cron) -> None:
        """ScheduleFault for an expression that is sound, but none of this scheduler's."""
        if cron.has_seconds and not self.seconds:
            raise ScheduleFault(f"A cron expression of {self.name} has six fields, not seven.")
        if any(at.second for at in cron.times) and not self.seconds_other_than_zero:
            raise ScheduleFault(f"The seconds of a cron expression of {self.name} can only be 0.")
        if not cron.every_month and not self.months:
            raise ScheduleFault(f"A cron expression of {self.name} can't name months: write '*'.")
        if cron.question_marks != 1 and self.one_question_mark:
            raise ScheduleFault("One of Day-of-month and Day-of-week is '?'.")
        if self.least_gap is not None and cron.least_gap < self.least_gap:
            raise ScheduleFault(
                f"{self.name} runs nothing more often than every {_minutes(self.least_gap)}."
            )

    def check_rate(self, every: timedelta) -> None:
        """ScheduleFault for a rate that this scheduler does not take."""
        if every < self.least_rate:
            raise ScheduleFault(f"The shortest rate of {self.name} is {_minutes(self.least_rate)}.")
        if self.most_rate is not None and every >= self.most_rate:
            raise ScheduleFault(f"A rate of {self.name} is less than {self.most_rate.days} days.")


def _minutes(duration: timedelta) -> str:
    minutes = duration // timedelta(minutes=1)
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


STATE_MANAGER = Dialect(
    "State Manager",
    least_rate=timedelta(minutes=30),
    most_rate=timedelta(days=31),
    least_gap=timedelta(minutes=30),
    seconds_other_than_zero=False,
    months=False,
)
MAINTENANCE_WINDOWS = Dialect(
    "Maintenance Windows", least_rate=timedelta(minutes=1), least_gap=timedelta(minutes=5)
)
EVENTBRIDGE = Dialect(
    "EventBridge",
    least_rate=timedelta(minutes=1),
    once=False,
    seconds=False,
    one_question_mark=True,
)
