"""The tables of identity, on the engines that there are."""

from datetime import timedelta

from ostler.capabilities.identity.migrations import MIGRATIONS
from ostler.capabilities.identity.model.entities import Account, Entity, Kind, ManagedPolicy
from ostler.capabilities.identity.model.shipped import ADMINISTRATOR
from ostler.capabilities.identity.store import entities, keys, policies, tables
from ostler.foundation.clock import ManualClock
from ostler.foundation.ids import AccountId
from ostler.foundation.storage import Storage, Transaction
from tests.support.databases import FOUNDATION, assert_schema_matches

ACCOUNT = AccountId("111122223333")
OTHER = AccountId("444455556666")


def an_entity(clock: ManualClock, kind: Kind, name: str, **how: object) -> Entity:
    settings = {"account": ACCOUNT, "id": f"id-{name}", "created": clock.now()}
    return Entity(kind, name=name, **{**settings, **how})  # type: ignore[arg-type]


def test_the_migrations_make_the_tables() -> None:
    assert_schema_matches((*FOUNDATION, *MIGRATIONS), tables.metadata)


async def test_an_entity_comes_back_as_it_was(storage: Storage, clock: ManualClock) -> None:
    role = an_entity(
        clock,
        Kind.ROLE,
        "R",
        path="/a/b/",
        tags={"k": "v"},
        trust="{}",
        boundary="arn:b",
        longest_session=timedelta(hours=3),
    )

    def there_and_back(tx: Transaction) -> Entity | None:
        entities.put_entity(tx, role)
        return entities.entity(tx, ACCOUNT, Kind.ROLE, "R")

    assert role == await storage.write(None, there_and_back)


async def test_names_differ_in_more_than_case(storage: Storage, clock: ManualClock) -> None:
    def ask(tx: Transaction) -> list[bool]:
        entities.put_entity(tx, an_entity(clock, Kind.USER, "Alice"))
        return [
            entities.name_is_taken(tx, ACCOUNT, Kind.USER, "alice"),
            entities.name_is_taken(tx, ACCOUNT, Kind.GROUP, "alice"),
            entities.name_is_taken(tx, OTHER, Kind.USER, "alice"),
        ]

    assert [True, False, False] == await storage.write(None, ask)


async def test_what_binds_a_user(storage: Storage, clock: ManualClock) -> None:
    """Their own policies and their groups', inline and managed; nobody else's."""
    alice = an_entity(clock, Kind.USER, "alice", boundary="arn:aws:iam::aws:policy/ReadOnlyAccess")
    staff = an_entity(clock, Kind.GROUP, "staff")
    others = [
        an_entity(clock, Kind.GROUP, "alice"),
        an_entity(clock, Kind.USER, "bob"),
        an_entity(clock, Kind.USER, "alice", account=OTHER),
    ]
    own = ManagedPolicy(ACCOUNT, "Own", "{own}", created=clock.now(), id="1")

    def write(tx: Transaction) -> None:
        for entity in (alice, staff, *others):
            entities.put_entity(tx, entity)
            policies.put_inline(tx, entity, f"of-{entity.kind}-{entity.name}", "{}")
        entities.join(tx, ACCOUNT, "alice", "staff")
        entities.join(tx, ACCOUNT, "alice", "staff")
        policies.put(tx, own)
        policies.attach(tx, staff, own.arn)
        policies.attach(tx, alice, own.arn)
        policies.attach(tx, others[1], ADMINISTRATOR)

    await storage.write(None, write)
    bound = await storage.read(None, lambda tx: policies.bindings(tx, ACCOUNT, Kind.USER, "alice"))

    assert bound is not None
    assert ["of-group-staff", "of-user-alice", "Own"] == [each.name for each in bound.policies]
    assert ["ReadOnlyAccess"] == [each.name for each in bound.boundary or ()]


async def test_a_boundary_that_is_gone_lets_nothing_through(
    storage: Storage, clock: ManualClock
) -> None:
    bounded = an_entity(clock, Kind.ROLE, "R", boundary=f"arn:aws:iam::{ACCOUNT}:policy/Gone")
    await storage.write(None, lambda tx: entities.put_entity(tx, bounded))

    found = await storage.read(None, lambda tx: policies.bindings(tx, ACCOUNT, Kind.ROLE, "R"))

    assert found is not None
    assert [] == found.boundary


async def test_a_policys_whole_arn_counts(storage: Storage, clock: ManualClock) -> None:
    """The path is part of it."""
    own = ManagedPolicy(ACCOUNT, "P", "{}", path="/a/", created=clock.now(), id="1")

    def ask(tx: Transaction) -> list[bool]:
        policies.put(tx, own)
        arns = [own.arn, own.arn.replace("/a/", "/"), "arn:nonsense", "", "P"]
        return [policies.get(tx, arn) is not None for arn in arns]

    assert [True, False, False, False, False] == await storage.write(None, ask)


async def test_a_deleted_account_leaves_nobody(storage: Storage, clock: ManualClock) -> None:
    def ask(tx: Transaction) -> list[object]:
        for account in (ACCOUNT, OTHER):
            entities.add_account(tx, Account(account, "a", clock.now()))
            entities.put_entity(tx, an_entity(clock, Kind.USER, "alice", account=account))
        entities.drop_account(tx, ACCOUNT)
        return [
            [known.id for known in entities.accounts(tx)],
            entities.entities(tx, ACCOUNT, Kind.USER),
            len(entities.entities(tx, OTHER, Kind.USER)),
        ]

    assert [[OTHER], [], 1] == await storage.write(None, ask)


async def test_a_digest_is_spent_once(storage: Storage, clock: ManualClock) -> None:
    async def spend(digest: str) -> bool:
        until = clock.now() + timedelta(minutes=5)
        return await storage.write(None, lambda tx: keys.spend(tx, digest, until, clock.now()))

    assert [True, False, True] == [await spend(digest) for digest in ("a", "a", "b")]

    await clock.advance(timedelta(minutes=6))

    assert await spend("a")


async def test_revocations_are_kept_as_long_as_they_matter(
    storage: Storage, clock: ManualClock
) -> None:
    async def revoke(subject: str) -> list[str]:
        now = clock.now()

        def write(tx: Transaction) -> list[str]:
            keys.revoke(tx, ACCOUNT, subject, before=now, until=now + timedelta(hours=12))
            return [found for _, found in keys.revocations(tx)]

        return await storage.write(None, write)

    await revoke("mi-1")
    assert ["mi-1", "mi-2"] == sorted(await revoke("mi-2"))
    await clock.advance(timedelta(hours=13))
    assert ["mi-3"] == await revoke("mi-3")
