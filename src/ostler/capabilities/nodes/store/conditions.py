"""Conditions on nodes, as SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Select, case, func, literal, not_, or_

from ostler.capabilities.nodes.model.filters import Condition, Field, Relation
from ostler.capabilities.nodes.model.nodes import (
    RESOURCE_TYPE,
    SILENCE,
    SOURCE_TYPE,
    PingStatus,
    version_order,
)
from ostler.capabilities.nodes.store.tables import nodes

Row = TypeVarTuple("Row")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which nodes: those that meet every condition and whose ids every query has.

    `at` is the instant at which ping statuses are inferred. The queries come from the capability
    that keeps what is asked about (tags, associations); what `apart` has is not wanted.
    """

    at: datetime
    conditions: Sequence[Condition] = ()
    among: Sequence[Select[str]] = ()
    apart: Sequence[Select[str]] = ()


def holding(query: Select[*Row], wanted: Wanted) -> Select[*Row]:
    """The query, over nothing but the nodes that are wanted."""
    for condition in wanted.conditions:
        query = query.where(_holds(condition, wanted.at))
    for ids in wanted.among:
        query = query.where(nodes.c.id.in_(ids))
    for ids in wanted.apart:
        query = query.where(nodes.c.id.not_in(ids))
    return query


def expression(field: Field, at: datetime) -> ColumnElement[str]:
    """What a node's value of the field is, as SQL; empty where it has none."""
    match field:
        case Field.PING_STATUS:
            return _heard_since(at, PingStatus.ONLINE, PingStatus.CONNECTION_LOST)
        case Field.INSTANCE_STATUS:
            return _heard_since(at, "Active", "ConnectionLost")
        case _ if field in _CONSTANTS:
            return literal(_CONSTANTS[field])
        case _:
            return _COLUMNS[field]


def _holds(condition: Condition, at: datetime) -> ColumnElement[bool]:
    value, values = expression(condition.field, at), condition.values
    match condition.relation:
        case Relation.EQUAL:
            return value.in_(values)
        case Relation.NOT_EQUAL:
            return not_(value.in_(values))
        case Relation.BEGINS_WITH:
            # LIKE differs between the engines in what it does with case.
            return or_(*(func.substr(value, 1, len(start)) == start for start in values))
        case Relation.LESS:
            order = _ORDERS[condition.field]
            return or_(*(order < version_order(version) for version in values))
        case Relation.GREATER:
            order = _ORDERS[condition.field]
            return or_(*(order > version_order(version) for version in values))


def _heard_since(at: datetime, online: str, lost: str) -> ColumnElement[str]:
    return case((nodes.c.heard > at - SILENCE, online), else_=lost)


_COLUMNS: dict[Field, ColumnElement[str]] = {
    Field.ACCOUNT: nodes.c.account,
    Field.ACTIVATION: func.coalesce(nodes.c.activation, ""),
    Field.AGENT_TYPE: nodes.c.agent_name,
    Field.AGENT_VERSION: nodes.c.agent_version,
    Field.AVAILABILITY_ZONE: nodes.c.availability_zone,
    Field.AVAILABILITY_ZONE_ID: nodes.c.availability_zone_id,
    Field.COMPUTER_NAME: nodes.c.computer_name,
    Field.INSTANCE_ID: nodes.c.id,
    Field.IP_ADDRESS: nodes.c.ip_address,
    Field.PLATFORM_NAME: nodes.c.platform_name,
    Field.PLATFORM_TYPE: nodes.c.platform_type,
    Field.PLATFORM_VERSION: nodes.c.platform_version,
    Field.REGION: nodes.c.region,
    Field.ROLE: nodes.c.role,
    Field.SOURCE_ID: nodes.c.id,
}
# What is the same for every node, and empty what no node has: organisations and other clouds'
# places. Of associations State Manager tells.
_CONSTANTS: dict[Field, str] = {
    Field.ASSOCIATION_STATUS: "",
    Field.DOCUMENT_NAME: "",
    Field.MANAGED_STATUS: "Managed",
    Field.ORGANIZATIONAL_UNIT: "",
    Field.ORGANIZATIONAL_UNIT_PATH: "",
    Field.RESOURCE_TYPE: RESOURCE_TYPE,
    Field.SOURCE_LOCATION: "",
    Field.SOURCE_TYPE: SOURCE_TYPE,
}
_ORDERS: dict[Field, ColumnElement[str]] = {
    Field.AGENT_VERSION: nodes.c.agent_order,
    Field.PLATFORM_VERSION: nodes.c.platform_order,
}
