"""Compliance: items, what they come to for a node, and what may be asked of them."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ostler.capabilities.compliance.errors import (
    InvalidFilter,
    InvalidItemContentException,
    InvalidResourceType,
)
from ostler.foundation.errors import ValidationException
from ostler.grammar.filters import Filter, Operator

RESOURCE_TYPE = "ManagedInstance"

ASSOCIATION = "Association"
PATCH = "Patch"
CUSTOM = "Custom:"
MOST_CUSTOM_TYPES = 10


class Status(StrEnum):
    """Whether something is as it should be."""

    COMPLIANT = "COMPLIANT"
    NON_COMPLIANT = "NON_COMPLIANT"


class Severity(StrEnum):
    """How bad it is when it is not; the worst stands first."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
    INFORMATIONAL = "INFORMATIONAL"
    UNSPECIFIED = "UNSPECIFIED"


_WORST_FIRST = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a node was examined for."""

    id: str
    status: Status
    severity: Severity = Severity.UNSPECIFIED
    title: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Execution:
    """When a node was examined, and by what run."""

    at: datetime
    id: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """What somebody says of a node's compliance.

    A whole one replaces every item of the type; one that is not `whole` changes those it names.
    """

    node: str
    kind: str
    execution: Execution
    items: Sequence[Item] = ()
    content_hash: str = ""
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """An item as it is kept: of a node, of a type, as the execution found it."""

    node: str
    kind: str
    item: Item
    execution: Execution


@dataclass(frozen=True, slots=True)
class Counts:
    """How many are compliant and how many are not, by severity."""

    compliant: Mapping[Severity, int] = field(default_factory=dict)
    failing: Mapping[Severity, int] = field(default_factory=dict)

    @classmethod
    def of(cls, counted: Iterable[tuple[Status, Severity, int]]) -> "Counts":
        """Out of how many there are of each status and severity."""
        sums: dict[Status, Counter[Severity]] = {status: Counter() for status in Status}
        for status, severity, count in counted:
            sums[status][severity] += count
        return cls(dict(sums[Status.COMPLIANT]), dict(sums[Status.NON_COMPLIANT]))

    @property
    def status(self) -> Status:
        """Compliant as long as nothing fails."""
        return Status.NON_COMPLIANT if sum(self.failing.values()) else Status.COMPLIANT

    @property
    def severity(self) -> Severity:
        """That of the worst thing that fails."""
        failing = (severity for severity in _WORST_FIRST if self.failing.get(severity))
        return next(failing, Severity.UNSPECIFIED)


@dataclass(frozen=True, slots=True)
class NodeSummary:
    """What a node's items of a type come to."""

    node: str
    kind: str
    execution: Execution
    counts: Counts


@dataclass(frozen=True, slots=True)
class TypeSummary:
    """How many nodes are compliant in a type; each counts once, with its overall severity."""

    kind: str
    counts: Counts


class Field(StrEnum):
    """What items can be told apart by, as filters name it."""

    TYPE = "ComplianceType"
    NODE = "ResourceId"
    RESOURCE_TYPE = "ResourceType"
    ID = "Id"
    TITLE = "Title"
    STATUS = "Status"
    SEVERITY = "Severity"
    EXECUTION_ID = "ExecutionId"
    EXECUTION_TYPE = "ExecutionType"
    EXECUTION_TIME = "ExecutionTime"


@dataclass(frozen=True, slots=True)
class Condition:
    """Items whose field stands so to one of the values; to every one of them, if not equal."""

    field: Field
    operator: Operator
    values: tuple[str | datetime, ...]


_PREFIX = "AWS:ComplianceItem."
_CUSTOM_TYPE = re.compile(r"Custom:[A-Za-z0-9_\-]\w+", re.ASCII)


def check_type(kind: str) -> None:
    """Refuse types that are neither the house's own nor custom ones."""
    if kind not in (ASSOCIATION, PATCH) and not _CUSTOM_TYPE.fullmatch(kind):
        raise ValidationException(
            f"{kind} is not a type of compliance: it is {ASSOCIATION}, {PATCH} or begins with "
            f"{CUSTOM} and goes on with letters, digits, _ or -."
        )


def check_upload(upload: Upload) -> None:
    """Refuse an upload that contradicts itself."""
    check_type(upload.kind)
    if not upload.whole and upload.kind != ASSOCIATION:
        raise ValidationException(f"UploadType PARTIAL is for {ASSOCIATION} compliance alone.")
    ids = [item.id for item in upload.items]
    if not all(ids):
        raise InvalidItemContentException("Every item needs an Id.")
    if doubled := [name for name, count in Counter(ids).items() if count > 1]:
        raise InvalidItemContentException(f"The Id {doubled[0]} is given more than once.")


def check_resource_types(types: Iterable[str]) -> None:
    """Refuse whatever is not a managed instance."""
    for each in types:
        if each != RESOURCE_TYPE:
            raise InvalidResourceType(f"{each} has no compliance; {RESOURCE_TYPE} has.")


def conditions(filters: Iterable[Filter]) -> list[Condition]:
    """The filters of a request, as conditions on items."""
    return [_condition(each) for each in filters]


def _condition(given: Filter) -> Condition:
    name = given.key.removeprefix(_PREFIX)
    if name not in set(Field):
        raise InvalidFilter(f"{given.key} is not a key of this filter.")
    if not given.values:
        raise InvalidFilter(f"The filter {given.key} has no values.")
    found = Field(name)
    values: tuple[str | datetime, ...] = tuple(given.values)
    if found is Field.EXECUTION_TIME:
        values = tuple(_instant(value) for value in given.values)
        if given.operator is Operator.BEGIN_WITH:
            raise InvalidFilter(f"{given.key} cannot be compared by {given.operator}.")
    return Condition(found, given.operator, values)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidFilter(f"{text} is not a time such as 2026-01-31T10:15:00Z.") from None
    if instant.tzinfo is None:
        raise InvalidFilter(f"{text} does not say its time zone, e.g. by a Z at its end.")
    return instant
