"""Accounts, and the users, groups and roles in them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Table, and_, delete, func, insert, select, update

from ostler.capabilities.identity.model.entities import Account, Entity, Kind
from ostler.capabilities.identity.store import tables
from ostler.foundation.ids import AccountId
from ostler.foundation.storage import Transaction

# Accounts


def add_account(tx: Transaction, account: Account) -> None:
    tx.execute(
        insert(tables.accounts),
        {"id": account.id, "name": account.name, "created": account.created},
    )


def account(tx: Transaction, wanted: AccountId) -> Account | None:
    row = tx.one(select(tables.accounts).where(tables.accounts.c.id == wanted))
    return None if row is None else Account(AccountId(row.id), row.name, row.created)


def accounts(tx: Transaction) -> list[Account]:
    """Every account, the oldest first."""
    rows = tx.all(select(tables.accounts).order_by(tables.accounts.c.created, tables.accounts.c.id))
    return [Account(AccountId(row.id), row.name, row.created) for row in rows]


def drop_account(tx: Transaction, unwanted: AccountId) -> None:
    """Forget the account with all identities in it."""
    for table in (
        tables.entities,
        tables.members,
        tables.policies,
        tables.versions,
        tables.profiles,
        tables.attached,
        tables.inline,
        tables.keys,
    ):
        tx.execute(delete(table).where(table.c.account == unwanted))
    tx.execute(delete(tables.accounts).where(tables.accounts.c.id == unwanted))


# Users, groups and roles


def put_entity(tx: Transaction, entity: Entity) -> None:
    """Keep a new entity, or what has changed of one."""
    tx.upsert(
        tables.entities,
        {
            "account": entity.account,
            "kind": str(entity.kind),
            "name": entity.name,
            "folded_name": entity.name.lower(),
            "id": entity.id,
            "path": entity.path,
            "description": entity.description,
            "tags": dict(entity.tags),
            "boundary": entity.boundary,
            "trust": entity.trust,
            "longest_session": int(entity.longest_session.total_seconds()),
            "created": entity.created,
        },
        key=["account", "kind", "name"],
    )


def entity(tx: Transaction, account: AccountId, kind: Kind, name: str) -> Entity | None:
    row = tx.one(select(tables.entities).where(*is_entity(tables.entities, account, kind, name)))
    return None if row is None else read_entity(row)


def entities(
    tx: Transaction,
    account: AccountId,
    kind: Kind,
    *,
    prefix: str = "/",
    after: str | None = None,
    limit: int | None = None,
) -> list[Entity]:
    """All of a kind whose path begins with `prefix`, by name, after a name in lower case."""
    table = tables.entities
    query = select(table).where(table.c.account == account, table.c.kind == str(kind))
    if prefix != "/":
        query = query.where(table.c.path.startswith(prefix, autoescape=True))
    if after is not None:
        query = query.where(table.c.folded_name > after)
    return [read_entity(row) for row in tx.all(query.order_by(table.c.folded_name).limit(limit))]


def counts(tx: Transaction, account: AccountId) -> dict[Kind, int]:
    """How many there are of each kind."""
    query = (
        select(tables.entities.c.kind, func.count().label("number"))
        .where(tables.entities.c.account == account)
        .group_by(tables.entities.c.kind)
    )
    found: dict[str, int] = {row.kind: row.number for row in tx.all(query)}
    return {kind: found.get(str(kind), 0) for kind in Kind}


def name_is_taken(tx: Transaction, account: AccountId, kind: Kind, name: str) -> bool:
    query = select(tables.entities.c.name).where(
        tables.entities.c.account == account,
        tables.entities.c.kind == str(kind),
        tables.entities.c.folded_name == name.lower(),
    )
    return tx.one(query) is not None


def rename(tx: Transaction, entity: Entity, name: str) -> None:
    """Give a user or a group another name, wherever the old one stands."""
    own = (entity.account, entity.kind, entity.name)
    values = {"name": name, "folded_name": name.lower()}
    tx.execute(update(tables.entities).where(*is_entity(tables.entities, *own)).values(values))
    for table in (tables.attached, tables.inline):
        tx.execute(update(table).where(*is_entity(table, *own)).values({"name": name}))
    column = "user" if entity.kind is Kind.USER else "group"
    owned = [tables.members, tables.keys] if entity.kind is Kind.USER else [tables.members]
    for table in owned:
        of_entity = and_(table.c.account == entity.account, table.c[column] == entity.name)
        tx.execute(update(table).where(of_entity).values({column: name}))


def drop_entity(tx: Transaction, entity: Entity) -> None:
    """Forget the entity with everything that is its own."""
    own = (entity.account, entity.kind, entity.name)
    for table in (tables.entities, tables.attached, tables.inline):
        tx.execute(delete(table).where(*is_entity(table, *own)))
    if entity.kind is not Kind.ROLE:
        member = tables.members.c.user if entity.kind is Kind.USER else tables.members.c.group
        of_entity = and_(tables.members.c.account == entity.account, member == entity.name)
        tx.execute(delete(tables.members).where(of_entity))
    if entity.kind is Kind.ROLE:
        in_profile = and_(
            tables.profiles.c.account == entity.account, tables.profiles.c.role == entity.name
        )
        tx.execute(update(tables.profiles).where(in_profile).values(role=None))
    if entity.kind is Kind.USER:
        of_user = and_(tables.keys.c.account == entity.account, tables.keys.c.user == entity.name)
        tx.execute(delete(tables.keys).where(of_user))


def join(tx: Transaction, account: AccountId, user: str, group: str) -> None:
    values = {"account": account, "user": user, "group": group}
    tx.upsert(tables.members, values, key=["account", "user", "group"], update=[])


def leave(tx: Transaction, account: AccountId, user: str, group: str) -> bool:
    """Take the user out of the group; whether they were in it."""
    one = and_(
        tables.members.c.account == account,
        tables.members.c.user == user,
        tables.members.c.group == group,
    )
    return tx.execute(delete(tables.members).where(one)).rowcount > 0


def groups_of(tx: Transaction, account: AccountId, user: str) -> list[str]:
    query = select(tables.members.c.group).where(
        tables.members.c.account == account, tables.members.c.user == user
    )
    return [row.group for row in tx.all(query.order_by(tables.members.c.group))]


def users_in(tx: Transaction, account: AccountId, group: str) -> list[str]:
    query = select(tables.members.c.user).where(
        tables.members.c.account == account, tables.members.c.group == group
    )
    return [row.user for row in tx.all(query.order_by(tables.members.c.user))]


def members_of(tx: Transaction, entity: Entity) -> list[Entity]:
    """The users in a group, or the groups that a user is in, by name."""
    table, members = tables.entities, tables.members.c
    own, other, kind = members.group, members.user, Kind.USER
    if entity.kind is Kind.USER:
        own, other, kind = members.user, members.group, Kind.GROUP
    among = select(other).where(members.account == entity.account, own == entity.name)
    query = select(table).where(
        table.c.account == entity.account, table.c.kind == str(kind), table.c.name.in_(among)
    )
    return [read_entity(row) for row in tx.all(query.order_by(table.c.folded_name))]


def read_entity(row: Any) -> Entity:
    """The entity in a row of its table."""
    return Entity(
        kind=Kind(row.kind),
        account=AccountId(row.account),
        name=row.name,
        id=row.id,
        created=row.created,
        path=row.path,
        description=row.description,
        tags=row.tags,
        boundary=row.boundary,
        trust=row.trust,
        longest_session=timedelta(seconds=row.longest_session),
    )


def is_entity(table: Table, account: AccountId, kind: Kind, name: str) -> tuple[Any, ...]:
    """The conditions that pick an entity's rows out of a table."""
    return table.c.account == account, table.c.kind == str(kind), table.c.name == name
