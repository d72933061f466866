"""Associations: what is wanted of which nodes, and when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ostler.grammar.rollouts import Rollout
from ostler.grammar.schedules import STATE_MANAGER, Schedule, read
from ostler.grammar.targets import Target, Targets, gather

DEFAULT_VERSION = "$DEFAULT"
LATEST_VERSION = "$LATEST"
ALL = "100%"


@dataclass(frozen=True, slots=True)
class Alarms:
    """Alarms that shall stop a run; kept, not watched."""

    names: Sequence[str] = ()
    ignore_poll_failure: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What was asked for; what was left out is empty."""

    document: str
    document_version: str = DEFAULT_VERSION
    name: str = ""
    node: str = ""
    """The only node, where the association was made with InstanceId."""
    parameters: Mapping[str, Sequence[str]] | None = None
    targets: Sequence[Target] = ()
    schedule: str = ""
    offset: int = 0
    only_at_cron: bool = False
    duration: int = 0
    """Hours that a run may take."""
    max_concurrency: str = ""
    max_errors: str = ""
    severity: str = ""
    sync: str = ""
    calendars: Sequence[str] = ()
    region: str = ""
    bucket: str = ""
    prefix: str = ""
    target_parameter: str = ""
    dispatch_role: str = ""
    alarms: Alarms | None = None

    @property
    def when(self) -> Schedule | None:
        """The schedule, understood; None where there is none."""
        return read(self.schedule, STATE_MANAGER, offset=self.offset) if self.schedule else None

    @property
    def whom(self) -> Targets:
        """The targets, understood."""
        return gather(self.targets)

    @property
    def automatic(self) -> bool:
        """Whether compliance follows from the runs."""
        return self.sync != "MANUAL"

    def rollout(self, targets: int) -> Rollout:
        """The limits in numbers of targets; without any, all at once and whatever fails."""
        return Rollout.of(self.max_concurrency or ALL, self.max_errors or ALL, targets)


@dataclass(frozen=True, slots=True)
class Association:
    """What is wanted, in its latest version.

    `since` is the instant from which the schedule counts, `due` the next time it is due.
    `resolved` is the version of the document that is run, as far as it is known.
    """

    id: str
    version: int
    terms: Terms
    created: datetime
    updated: datetime
    since: datetime
    resolved: str = ""
    run_limit: int = 0
    """Seconds after which a run counts as hanging."""
    due: datetime | None = None
    executed: datetime | None = None
    succeeded: datetime | None = None
    legacy_status: Mapping[str, str] | None = None

    @property
    def checksum(self) -> str:
        """Another one whenever agents must read anew what they shall run."""
        return f"{self.version}.{self.resolved or self.terms.document_version}"

    def due_after(self, at: datetime) -> datetime | None:
        """When it is due next."""
        when = self.terms.when
        return None if when is None else when.next(at, since=self.since)


@dataclass(frozen=True, slots=True)
class Version:
    """What was asked for once."""

    association: str
    number: int
    created: datetime
    terms: Terms
