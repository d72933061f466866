"""Filters over the fleet: the three spellings that AWS has, read into one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from ostler.capabilities.nodes.errors import (
    InvalidFilter,
    InvalidFilterKey,
    InvalidInstanceInformationFilterValue,
    InvalidInstancePropertyFilterValue,
)
from ostler.capabilities.nodes.model.nodes import PingStatus, PlatformType
from ostler.foundation.errors import ApiError, ValidationException


class Field(StrEnum):
    """What nodes can be told apart by."""

    ACCOUNT = "AccountId"
    ACTIVATION = "ActivationId"
    AGENT_TYPE = "AgentType"
    AGENT_VERSION = "AgentVersion"
    ASSOCIATION_STATUS = "AssociationStatus"
    AVAILABILITY_ZONE = "AvailabilityZone"
    AVAILABILITY_ZONE_ID = "AvailabilityZoneId"
    COMPUTER_NAME = "ComputerName"
    DOCUMENT_NAME = "DocumentName"
    INSTANCE_ID = "InstanceId"
    INSTANCE_STATUS = "InstanceStatus"
    IP_ADDRESS = "IpAddress"
    MANAGED_STATUS = "ManagedStatus"
    ORGANIZATIONAL_UNIT = "OrganizationalUnitId"
    ORGANIZATIONAL_UNIT_PATH = "OrganizationalUnitPath"
    PING_STATUS = "PingStatus"
    PLATFORM_NAME = "PlatformName"
    PLATFORM_TYPE = "PlatformType"
    PLATFORM_VERSION = "PlatformVersion"
    REGION = "Region"
    RESOURCE_TYPE = "ResourceType"
    ROLE = "IamRole"
    SOURCE_ID = "SourceId"
    SOURCE_LOCATION = "SourceLocation"
    SOURCE_TYPE = "SourceType"


class Relation(Enum):
    """How a node's value stands to those of a filter; one of them suffices, save for NOT_EQUAL."""

    EQUAL = auto()
    NOT_EQUAL = auto()
    BEGINS_WITH = auto()
    LESS = auto()
    GREATER = auto()


@dataclass(frozen=True, slots=True)
class Condition:
    """Nodes whose field stands so to one of the values."""

    field: Field
    values: tuple[str, ...]
    relation: Relation = Relation.EQUAL


@dataclass(frozen=True, slots=True)
class Tagged:
    """Nodes that carry the tag `key` with one of `values`; with any, where `values` is None."""

    key: str
    values: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class AnyKey:
    """Nodes that carry a tag with one of these keys."""

    keys: tuple[str, ...]


Clause = Condition | Tagged | AnyKey
Spoken = Sequence[tuple[str, Sequence[str]]]
"""Filters as they were spoken: keys and values."""


def named_nodes(clauses: Iterable[Clause]) -> list[str]:
    """The ids that filters ask for by name."""
    return [
        value
        for clause in clauses
        if isinstance(clause, Condition)
        and clause.field is Field.INSTANCE_ID
        and clause.relation is Relation.EQUAL
        for value in clause.values
    ]


def information_clauses(legacy: Spoken, modern: Spoken) -> list[Clause]:
    """The filters of DescribeInstanceInformation, in either of its two members."""
    if legacy and modern:
        raise ValidationException(
            "InstanceInformationFilterList and Filters can't be used in one request."
        )
    spoken = legacy or modern
    clauses = [_information_clause(key, tuple(values)) for key, values in spoken]
    if len({isinstance(clause, Condition) for clause in clauses}) > 1:
        # AWS's words: danmx/sigil#61. Several tags together are one kind of filter.
        raise ValidationException("Cannot mix tag or inventory filter with any other filter.")
    return clauses


def property_clauses(
    legacy: Spoken, modern: Sequence[tuple[str, Sequence[str], str]]
) -> list[Clause]:
    """The filters of DescribeInstanceProperties; every one of both members must hold."""
    clauses = [_property_clause(key, tuple(values), Relation.EQUAL) for key, values in legacy]
    for key, values, operator in modern:
        clauses.append(_property_clause(key, tuple(values), _OPERATORS[operator or "Equal"]))
    return clauses


def listing_clauses(spoken: Sequence[tuple[str, Sequence[str], str]]) -> list[Clause]:
    """The filters of ListNodes and ListNodesSummary."""
    clauses: list[Clause] = []
    for key, values, operator in spoken:
        field = Field(key)
        if field is Field.MANAGED_STATUS:
            _expect(InvalidFilter, key, values, _MANAGED_STATUSES)
            if "All" in values:
                continue
        if field is Field.PLATFORM_TYPE and operator != "BeginWith":
            _expect(InvalidFilter, key, values, tuple(PlatformType))
        clauses.append(Condition(field, tuple(values), _OPERATORS[operator or "Equal"]))
    return clauses


_OPERATORS = {
    "Equal": Relation.EQUAL,
    "NotEqual": Relation.NOT_EQUAL,
    "BeginWith": Relation.BEGINS_WITH,
    "LessThan": Relation.LESS,
    "GreaterThan": Relation.GREATER,
}

_INFORMATION_KEYS: Mapping[str, Field] = {
    "ActivationIds": Field.ACTIVATION,
    "AgentVersion": Field.AGENT_VERSION,
    "AssociationStatus": Field.ASSOCIATION_STATUS,
    "IamRole": Field.ROLE,
    "InstanceIds": Field.INSTANCE_ID,
    "PingStatus": Field.PING_STATUS,
    "PlatformTypes": Field.PLATFORM_TYPE,
    "ResourceType": Field.RESOURCE_TYPE,
    "SourceIds": Field.SOURCE_ID,
    "SourceTypes": Field.SOURCE_TYPE,
}
_PROPERTY_KEYS: Mapping[str, Field] = {
    **_INFORMATION_KEYS,
    "AvailabilityZone": Field.AVAILABILITY_ZONE,
    "ComputerName": Field.COMPUTER_NAME,
    "DocumentName": Field.DOCUMENT_NAME,
    "IPAddress": Field.IP_ADDRESS,
    "PlatformName": Field.PLATFORM_NAME,
    "PlatformVersion": Field.PLATFORM_VERSION,
}
_VALUES: Mapping[Field, tuple[str, ...]] = {
    Field.ASSOCIATION_STATUS: ("Success", "Pending", "Failed"),
    Field.PING_STATUS: (*PingStatus, "Inactive"),
    Field.PLATFORM_TYPE: tuple(PlatformType),
    Field.RESOURCE_TYPE: ("EC2Instance", "ManagedInstance"),
    Field.SOURCE_TYPE: (
        "AWS::EC2::Instance",
        "AWS::SSM::ManagedInstance",
        "AWS::IoT::Thing",
        "Microsoft.Compute/virtualMachines",
        "compute.googleapis.com/Instance",
    ),
}
_MANAGED_STATUSES = ("All", "Managed", "Unmanaged")
_VERSIONS = (Field.AGENT_VERSION, Field.PLATFORM_VERSION)


def _information_clause(key: str, values: tuple[str, ...]) -> Clause:
    if (tagged := _tag_clause(key, values)) is not None:
        return tagged
    field = _field(_INFORMATION_KEYS, key)
    if field is Field.RESOURCE_TYPE and len(values) > 1:
        # AWS's words: boto3#3027.
        raise InvalidInstanceInformationFilterValue(f"{key} filter may contain only one value.")
    _expect(InvalidInstanceInformationFilterValue, key, values, _VALUES.get(field))
    return Condition(field, values)


def _property_clause(key: str, values: tuple[str, ...], relation: Relation) -> Clause:
    if (tagged := _tag_clause(key, values)) is not None:
        if relation is not Relation.EQUAL:
            raise InvalidInstancePropertyFilterValue(f"{key} filter knows only the operator Equal.")
        return tagged
    field = _field(_PROPERTY_KEYS, key)
    if relation in (Relation.LESS, Relation.GREATER) and field not in _VERSIONS:
        raise InvalidInstancePropertyFilterValue(
            f"{key} filter has no order; LessThan and GreaterThan compare versions."
        )
    if relation in (Relation.EQUAL, Relation.NOT_EQUAL):
        _expect(InvalidInstancePropertyFilterValue, key, values, _VALUES.get(field))
    return Condition(field, values, relation)


def _tag_clause(key: str, values: tuple[str, ...]) -> Clause | None:
    if key == "tag-key":
        return AnyKey(values)
    if key.startswith("tag:"):
        if key == "tag:":
            raise InvalidFilterKey
        return Tagged(key.removeprefix("tag:"), values)
    return None


def _field(keys: Mapping[str, Field], key: str) -> Field:
    if key not in keys:
        raise InvalidFilterKey
    return keys[key]


def _expect(
    fault: type[ApiError], key: str, values: Sequence[str], known: Sequence[str] | None
) -> None:
    """AWS's words: aws-sdk#130."""
    if known is not None and not set(values) <= set(known):
        raise fault(f"{key} filter is invalid, valid values are {', '.join(known)}")
