"""Managed and inline policies, and what binds an entity all in all."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, and_, delete, exists, func, insert, or_, select

from ostler.capabilities.identity.model.entities import (
    Binding,
    Bindings,
    Entity,
    Kind,
    ManagedPolicy,
    PolicyVersion,
    account_in,
    name_in,
)
from ostler.capabilities.identity.model.shipped import SHIPPED
from ostler.capabilities.identity.store import tables
from ostler.capabilities.identity.store.entities import entity, groups_of, is_entity, read_entity
from ostler.foundation.ids import AccountId
from ostler.foundation.storage import Transaction


def put(tx: Transaction, policy: ManagedPolicy) -> None:
    """Keep a new policy, or the new document of one."""
    tx.upsert(
        tables.policies,
        {
            "account": policy.account,
            "name": policy.name,
            "folded_name": policy.name.lower(),
            "id": policy.id,
            "path": policy.path,
            "description": policy.description,
            "document": policy.document,
            "created": policy.created,
            "updated": policy.updated,
            "default_version": policy.default,
            "newest_version": policy.newest,
            "tags": dict(policy.tags),
        },
        key=["account", "name"],
    )


def get(tx: Transaction, arn: str) -> ManagedPolicy | None:
    """The managed policy of this ARN, shipped or a customer's."""
    if (shipped := SHIPPED.get(arn)) is not None:
        return shipped
    found = _policies(tx, [arn])
    return found.get(arn)


def every(tx: Transaction, account: AccountId) -> list[ManagedPolicy]:
    """The account's own policies, by name."""
    query = select(tables.policies).where(tables.policies.c.account == account)
    return [_policy(row) for row in tx.all(query.order_by(tables.policies.c.folded_name))]


def name_is_taken(tx: Transaction, account: AccountId, name: str) -> bool:
    query = select(tables.policies.c.name).where(
        tables.policies.c.account == account, tables.policies.c.folded_name == name.lower()
    )
    return tx.one(query) is not None


def drop(tx: Transaction, policy: ManagedPolicy) -> None:
    """Forget the policy with all its versions."""
    one = and_(tables.policies.c.account == policy.account, tables.policies.c.name == policy.name)
    tx.execute(delete(tables.policies).where(one))
    of_policy = and_(
        tables.versions.c.account == policy.account, tables.versions.c.policy == policy.name
    )
    tx.execute(delete(tables.versions).where(of_policy))


def put_version(tx: Transaction, policy: ManagedPolicy, version: PolicyVersion) -> None:
    tx.execute(
        insert(tables.versions),
        {
            "account": policy.account,
            "policy": policy.name,
            "number": version.number,
            "document": version.document,
            "created": version.created,
        },
    )


def versions(tx: Transaction, policy: ManagedPolicy) -> list[PolicyVersion]:
    """The versions of one of the account's policies, the newest first."""
    query = select(tables.versions).where(
        tables.versions.c.account == policy.account, tables.versions.c.policy == policy.name
    )
    return [
        PolicyVersion(row.number, row.document, row.created)
        for row in tx.all(query.order_by(tables.versions.c.number.desc()))
    ]


def drop_version(tx: Transaction, policy: ManagedPolicy, number: int) -> None:
    tx.execute(
        delete(tables.versions).where(
            tables.versions.c.account == policy.account,
            tables.versions.c.policy == policy.name,
            tables.versions.c.number == number,
        )
    )


def holders(tx: Transaction, account: AccountId, arn: str) -> list[Entity]:
    """Whom of the account the policy is attached to, by kind and name."""
    held = exists().where(
        tables.attached.c.account == tables.entities.c.account,
        tables.attached.c.kind == tables.entities.c.kind,
        tables.attached.c.name == tables.entities.c.name,
        tables.attached.c.policy == arn,
    )
    return _entities_where(tx, account, held)


def bounded(tx: Transaction, account: AccountId, arn: str) -> list[Entity]:
    """Whom of the account the policy bounds, by kind and name."""
    return _entities_where(tx, account, tables.entities.c.boundary == arn)


def attachments(tx: Transaction, account: AccountId) -> dict[str, int]:
    """To how many entities of the account each policy is attached, by ARN."""
    count = (
        select(tables.attached.c.policy, func.count().label("uses"))
        .where(tables.attached.c.account == account)
        .group_by(tables.attached.c.policy)
    )
    return {row.policy: row.uses for row in tx.all(count)}


def boundaries(tx: Transaction, account: AccountId) -> dict[str, int]:
    """How many entities of the account each policy bounds, by ARN."""
    boundary = tables.entities.c.boundary
    count = (
        select(boundary, func.count().label("uses"))
        .where(tables.entities.c.account == account, boundary.is_not(None))
        .group_by(boundary)
    )
    return {row.boundary: row.uses for row in tx.all(count)}


def attach(tx: Transaction, entity: Entity, arn: str) -> None:
    tx.upsert(
        tables.attached,
        {
            "account": entity.account,
            "kind": str(entity.kind),
            "name": entity.name,
            "policy": arn,
        },
        key=["account", "kind", "name", "policy"],
        update=[],
    )


def detach(tx: Transaction, entity: Entity, arn: str) -> bool:
    """Take the policy from the entity; whether it was attached."""
    own = is_entity(tables.attached, entity.account, entity.kind, entity.name)
    return (
        tx.execute(delete(tables.attached).where(*own, tables.attached.c.policy == arn)).rowcount
        > 0
    )


def attached(tx: Transaction, entity: Entity) -> list[str]:
    """The ARNs of the managed policies attached to the entity."""
    query = select(tables.attached.c.policy).where(
        *is_entity(tables.attached, entity.account, entity.kind, entity.name)
    )
    return [row.policy for row in tx.all(query.order_by(tables.attached.c.policy))]


def put_inline(tx: Transaction, entity: Entity, name: str, document: str) -> None:
    tx.upsert(
        tables.inline,
        {
            "account": entity.account,
            "kind": str(entity.kind),
            "name": entity.name,
            "policy": name,
            "document": document,
        },
        key=["account", "kind", "name", "policy"],
    )


def drop_inline(tx: Transaction, entity: Entity, name: str) -> bool:
    """Take the inline policy from the entity; whether it had it."""
    own = is_entity(tables.inline, entity.account, entity.kind, entity.name)
    return (
        tx.execute(delete(tables.inline).where(*own, tables.inline.c.policy == name)).rowcount > 0
    )


def inline(tx: Transaction, entity: Entity) -> Mapping[str, str]:
    """The entity's inline policies: documents by name."""
    own = is_entity(tables.inline, entity.account, entity.kind, entity.name)
    query = (
        select(tables.inline.c.policy, tables.inline.c.document)
        .where(*own)
        .order_by(tables.inline.c.policy)
    )
    return {row.policy: row.document for row in tx.all(query)}


def bindings(tx: Transaction, account: AccountId, kind: Kind, name: str) -> Bindings | None:
    """The entity with its own policies and those of its groups."""
    found = entity(tx, account, kind, name)
    if found is None:
        return None
    groups = groups_of(tx, account, name) if kind is Kind.USER else []
    inline_rows = tx.all(
        select(tables.inline)
        .where(_of_entity_or_groups(tables.inline, found, groups))
        .order_by(tables.inline.c.kind, tables.inline.c.name, tables.inline.c.policy)
    )
    attached_rows = tx.all(
        select(tables.attached)
        .where(_of_entity_or_groups(tables.attached, found, groups))
        .order_by(tables.attached.c.policy, tables.attached.c.kind, tables.attached.c.name)
    )
    # A policy that hangs on several of them counts once.
    holders = {row.policy: _holder(row) for row in reversed(attached_rows)}
    bounds = [] if found.boundary is None else [found.boundary]
    managed = _policies(tx, [*holders, *bounds])

    def of(arn: str, holder: str) -> Iterator[Binding]:
        if arn in managed:
            yield Binding(managed[arn].name, managed[arn].document, holder, arn)

    return Bindings(
        found,
        [
            *(Binding(row.policy, row.document, _holder(row)) for row in inline_rows),
            *(each for arn in sorted(holders) for each in of(arn, holders[arn])),
        ],
        None if found.boundary is None else list(of(found.boundary, f"{kind}/{name}")),
    )


def _holder(row: Any) -> str:
    return f"{row.kind}/{row.name}"


def _entities_where(tx: Transaction, account: AccountId, condition: Any) -> list[Entity]:
    query = select(tables.entities).where(tables.entities.c.account == account, condition)
    order = tables.entities.c.kind, tables.entities.c.folded_name
    return [read_entity(row) for row in tx.all(query.order_by(*order))]


def _policy(row: Any) -> ManagedPolicy:
    return ManagedPolicy(
        account=AccountId(row.account),
        name=row.name,
        document=row.document,
        path=row.path,
        description=row.description,
        id=row.id,
        created=row.created,
        updated=row.updated,
        default=row.default_version or 1,
        newest=row.newest_version or 1,
        tags=row.tags or {},
    )


def _policies(tx: Transaction, arns: Sequence[str]) -> dict[str, ManagedPolicy]:
    """The managed policies of these ARNs, as far as there are such."""
    found = {arn: SHIPPED[arn] for arn in arns if arn in SHIPPED}
    wanted = [
        and_(tables.policies.c.account == account_in(arn), tables.policies.c.name == name_in(arn))
        for arn in arns
        if arn not in SHIPPED
    ]
    if wanted:
        rows = [_policy(row) for row in tx.all(select(tables.policies).where(or_(*wanted)))]
        found |= {policy.arn: policy for policy in rows if policy.arn in arns}
    return found


def _of_entity_or_groups(table: Table, entity: Entity, groups: Sequence[str]) -> Any:
    own = and_(table.c.kind == str(entity.kind), table.c.name == entity.name)
    of_groups = and_(table.c.kind == str(Kind.GROUP), table.c.name.in_(groups))
    return and_(table.c.account == entity.account, or_(own, of_groups) if groups else own)
