"""Buses, rules and targets as they are kept, and how far what happened has been matched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, delete, func, select, update

from ostler.capabilities.events.model.names import DEFAULT_BUS
from ostler.capabilities.events.model.rules import DISABLED, Bus, Rule
from ostler.capabilities.events.model.targets import Target
from ostler.capabilities.events.store.tables import (
    buses,
    cursors,
    destinations,
    rules,
    tags,
    targets,
)
from ostler.foundation.events import newest
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.storage import Scope, Transaction


@dataclass(frozen=True, slots=True)
class Listening:
    """A rule that listens, and whom it tells."""

    rule: Rule
    targets: Sequence[Target]


# Buses


def bus(tx: Transaction, name: str) -> Bus | None:
    """The bus; None when there is none."""
    row = tx.one(select(buses).where(buses.c.name == name))
    if row is not None:
        return _bus(row)
    return Bus(DEFAULT_BUS) if name == DEFAULT_BUS else None


def write_bus(tx: Transaction, changed: Bus) -> None:
    """Keep a bus, new or changed."""
    tx.upsert(
        buses,
        {
            "name": changed.name,
            "description": changed.description,
            "dead_letters": changed.dead_letters,
            "created": changed.created,
            "modified": changed.modified,
        },
        key=["name"],
    )


def remove_bus(tx: Transaction, name: str) -> None:
    """Forget a bus."""
    tx.execute(delete(buses).where(buses.c.name == name))


def bus_page(tx: Transaction, prefix: str, asked: PageRequest) -> Page[Bus]:
    """The buses whose names begin so, by name."""
    known = [_bus(row) for row in tx.all(select(buses))]
    if all(each.name != DEFAULT_BUS for each in known):
        known.append(Bus(DEFAULT_BUS))
    after = asked.after[0] if asked.after else ""
    wanted = [one for one in known if one.name.startswith(prefix) and one.name > after]
    wanted.sort(key=lambda one: one.name)
    return Page.cut(wanted[: asked.limit + 1], asked.limit, lambda one: (one.name,))


# Rules


def rule(tx: Transaction, bus_name: str, name: str) -> Rule | None:
    """The rule; None when there is none."""
    row = tx.one(select(rules).where(rules.c.bus == bus_name, rules.c.name == name))
    return None if row is None else _rule(row)


def write_rule(tx: Transaction, changed: Rule) -> None:
    """Keep a rule, new or changed; from now on, what happens is matched."""
    tx.upsert(rules, {name: getattr(changed, name) for name in _RULE}, key=["bus", "name"])
    tx.upsert(cursors, {"sequence": newest(tx)}, key=[], update=[])


def count_rules(tx: Transaction, bus_name: str) -> int:
    """How many rules the bus has."""
    counted = select(func.count()).select_from(rules).where(rules.c.bus == bus_name)
    return int(tx.scalar(counted))


def set_state(tx: Transaction, bus_name: str, name: str, state: str) -> None:
    """Switch a rule on or off."""
    this = (rules.c.bus == bus_name, rules.c.name == name)
    tx.execute(update(rules).where(*this).values(state=state))


def remove_rule(tx: Transaction, bus_name: str, name: str) -> None:
    """Forget a rule; with the last one nobody wants to know what happens."""
    tx.execute(delete(rules).where(rules.c.bus == bus_name, rules.c.name == name))
    if tx.one(select(rules.c.name).limit(1)) is None:
        tx.execute(delete(cursors))


def rule_page(tx: Transaction, bus_name: str, prefix: str, asked: PageRequest) -> Page[Rule]:
    """The rules of a bus whose names begin so, by name."""
    query = select(rules).where(rules.c.bus == bus_name).order_by(rules.c.name)
    if prefix:
        query = query.where(func.substr(rules.c.name, 1, len(prefix)) == prefix)
    if asked.after:
        query = query.where(rules.c.name > asked.after[0])
    found = [_rule(row) for row in tx.all(query.limit(asked.limit + 1))]
    return Page.cut(found, asked.limit, lambda one: (one.name,))


# Targets


def targets_of(tx: Transaction, bus_name: str, name: str) -> list[Target]:
    """The targets of a rule, by their ids."""
    its = select(targets).where(targets.c.bus == bus_name, targets.c.rule == name)
    return [_target(row) for row in tx.all(its.order_by(targets.c.id))]


def target(tx: Transaction, bus_name: str, name: str, target_id: str) -> Target | None:
    """One target of a rule; None when there is none."""
    row = tx.one(select(targets).where(*_this_target(bus_name, name), targets.c.id == target_id))
    return None if row is None else _target(row)


def write_targets(tx: Transaction, bus_name: str, name: str, given: Sequence[Target]) -> None:
    """Keep targets of a rule, new or changed."""
    rows = []
    for each in given:
        terms = msgspec.to_builtins(each)
        rows.append(
            {
                "bus": bus_name,
                "rule": name,
                "id": terms.pop("id"),
                "arn": terms.pop("arn"),
                "terms": terms,
            }
        )
    tx.upsert(targets, rows, key=["bus", "rule", "id"])


def remove_targets(tx: Transaction, bus_name: str, name: str, ids: Sequence[str]) -> list[str]:
    """Forget targets of a rule; the ids of those that it had not."""
    its = {each.id for each in targets_of(tx, bus_name, name)}
    tx.execute(delete(targets).where(*_this_target(bus_name, name), targets.c.id.in_(ids)))
    return [each for each in ids if each not in its]


def names_by_target(tx: Transaction, bus_name: str, arn: str, asked: PageRequest) -> Page[str]:
    """The names of the rules of a bus that tell a target."""
    query = (
        select(targets.c.rule)
        .where(targets.c.bus == bus_name, targets.c.arn == arn)
        .distinct()
        .order_by(targets.c.rule)
    )
    if asked.after:
        query = query.where(targets.c.rule > asked.after[0])
    found = [row.rule for row in tx.all(query.limit(asked.limit + 1))]
    return Page.cut(found, asked.limit, lambda one: (one,))


# Matching


def listening(tx: Transaction) -> list[Listening]:
    """Every rule with a pattern that is switched on and tells somebody."""
    its: dict[tuple[str, str], list[Target]] = {}
    for row in tx.all(select(targets).order_by(targets.c.id)):
        its.setdefault((row.bus, row.rule), []).append(_target(row))
    on = select(rules).where(rules.c.state != DISABLED, rules.c.pattern != "")
    found = [_rule(row) for row in tx.all(on.order_by(rules.c.bus, rules.c.name))]
    return [
        Listening(each, its[each.bus, each.name]) for each in found if (each.bus, each.name) in its
    ]


def paces(tx: Transaction) -> Mapping[str, int]:
    """How many calls a second each API destination takes, by what its ARN ends with."""
    rows = tx.all(select(destinations.c.name, destinations.c.id, destinations.c.pace))
    return {f"{row.name}/{row.id}": row.pace for row in rows}


def cursor(tx: Transaction) -> int | None:
    """Up to which number what was told has been matched; None where there never was a rule."""
    found: int | None = tx.scalar(select(cursors.c.sequence))
    return found


def has_rules(tx: Transaction, scope: Scope) -> bool:
    """Whether what happens in the scope is matched."""
    statement = _CURSOR if tx.scope is not None else _CURSOR_OF
    whose = {"of_account": scope.account, "of_region": scope.region}
    return tx.scalar(statement, None if tx.scope is not None else whose) is not None


def move_cursor(tx: Transaction, sequence: int) -> None:
    """Everything up to that number has been matched."""
    tx.execute(update(cursors).values(sequence=sequence))


# Tags


def tags_of(tx: Transaction, resource: str) -> dict[str, str]:
    """The tags of a bus or a rule, by its ARN."""
    its = select(tags).where(tags.c.resource == resource).order_by(tags.c.key)
    return {row.key: row.value for row in tx.all(its)}


def write_tags(tx: Transaction, resource: str, given: Mapping[str, str]) -> None:
    """Give tags; others that it carries stay."""
    rows = [{"resource": resource, "key": key, "value": given[key]} for key in sorted(given)]
    tx.upsert(tags, rows, key=["resource", "key"])


def remove_tags(tx: Transaction, resource: str, keys: Sequence[str] | None = None) -> None:
    """Take these tags away, or all of them."""
    statement = delete(tags).where(tags.c.resource == resource)
    tx.execute(statement if keys is None else statement.where(tags.c.key.in_(keys)))


# Every transaction that announces something asks this: the statements are made once.
_CURSOR = select(cursors.c.sequence)
_CURSOR_OF = select(cursors.c.sequence).where(
    cursors.c.account == bindparam("of_account"), cursors.c.region == bindparam("of_region")
)

_RULE = ("bus", "name", "pattern", "schedule", "state", "description", "role", "author", "since")


def _this_target(bus_name: str, name: str) -> tuple[Any, Any]:
    return targets.c.bus == bus_name, targets.c.rule == name


def _bus(row: Row[Any]) -> Bus:
    return Bus(row.name, row.description, row.dead_letters, row.created, row.modified)


def _rule(row: Row[Any]) -> Rule:
    return Rule(**{name: getattr(row, name) for name in _RULE})


def _target(row: Row[Any]) -> Target:
    return msgspec.convert({"id": row.id, "arn": row.arn, **row.terms}, Target)
