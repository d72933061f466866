"""Accounts, users, groups, roles, policies and keys as the administrator keeps them."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from ostler.capabilities.identity import (
    DeleteConflict,
    Directory,
    EntityAlreadyExists,
    Identity,
    InvalidInput,
    Kind,
    LimitExceeded,
    MalformedPolicyDocument,
    NoSuchEntity,
)
from ostler.foundation.ids import AccountId

ALLOW = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"},
    }
)


@pytest.fixture
def engine() -> str:
    """The store's tests prove both engines."""
    return "sqlite"


@pytest.fixture
def directory(identity: Identity) -> Directory:
    return identity.directory


@pytest.fixture
def account(directory: Directory) -> AccountId:
    made, _ = asyncio.run(directory.create_account("first", account="111122223333"))
    return made.id


async def test_an_account_begins_with_an_administrator_and_a_role_for_nodes(
    directory: Directory, account: AccountId
) -> None:
    administrator = await directory.describe(Kind.USER, account, "administrator")
    role = await directory.describe(Kind.ROLE, account, "OstlerManagedInstance")

    assert ["arn:aws:iam::aws:policy/AdministratorAccess"] == administrator.attached
    assert 1 == len(administrator.keys)
    assert ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"] == role.attached
    assert "arn:aws:iam::111122223333:role/OstlerManagedInstance" == role.entity.arn


async def test_an_account_can_be_given_up_but_the_last(
    directory: Directory, account: AccountId
) -> None:
    with pytest.raises(DeleteConflict):
        await directory.delete_account(account)
    with pytest.raises(EntityAlreadyExists):
        await directory.create_account(account=account)
    second, _ = await directory.create_account("second")

    await directory.delete_account(account)

    assert [second.id] == [known.id for known in await directory.accounts()]
    with pytest.raises(NoSuchEntity):
        await directory.delete_account(account)


async def test_names_are_taken_in_every_case(directory: Directory, account: AccountId) -> None:
    await directory.create(Kind.USER, account, "Alice")

    with pytest.raises(EntityAlreadyExists):
        await directory.create(Kind.USER, account, "alice")
    with pytest.raises(NoSuchEntity):
        await directory.create(Kind.USER, AccountId("999999999999"), "alice")


async def test_what_is_in_use_is_not_deleted_by_accident(
    directory: Directory, account: AccountId
) -> None:
    await directory.create(Kind.USER, account, "alice")
    await directory.create(Kind.GROUP, account, "staff")
    await directory.join(account, "alice", "staff")
    await directory.keys.create(account, "alice")
    for kind, name in ((Kind.USER, "alice"), (Kind.GROUP, "staff")):
        with pytest.raises(DeleteConflict):
            await directory.delete(kind, account, name)

    await directory.delete(Kind.USER, account, "alice", whole=True)

    assert [] == list((await directory.describe(Kind.GROUP, account, "staff")).users)
    await directory.delete(Kind.GROUP, account, "staff")
    assert ["administrator"] == [u.name for u in await directory.list(Kind.USER, account)]


async def test_a_user_leaves_a_group(directory: Directory, account: AccountId) -> None:
    await directory.create(Kind.GROUP, account, "staff")
    await directory.join(account, "administrator", "staff")

    await directory.leave(account, "administrator", "staff")

    with pytest.raises(NoSuchEntity):
        await directory.leave(account, "administrator", "staff")


async def test_a_policys_life(directory: Directory, account: AccountId) -> None:
    made = await directory.policies.create(account, "Own", ALLOW)
    await directory.policies.attach(Kind.ROLE, account, "OstlerManagedInstance", "Own")
    with pytest.raises(DeleteConflict):
        await directory.policies.delete(account, "Own")

    await directory.policies.change(account, "Own", ALLOW.replace("ssm", "s3"))
    await directory.policies.detach(Kind.ROLE, account, "OstlerManagedInstance", made.arn)

    assert "s3:*" in (await directory.policies.get(account, made.arn)).document
    assert "Own" == (await directory.policies.list(account))[0].name
    await directory.policies.delete(account, "Own")
    with pytest.raises(NoSuchEntity):
        await directory.policies.get(account, "Own")


async def test_a_policy_that_bounds_is_in_use(directory: Directory, account: AccountId) -> None:
    made = await directory.policies.create(account, "Bounds", ALLOW)
    await directory.change(Kind.USER, account, "administrator", boundary="Bounds")

    with pytest.raises(DeleteConflict):
        await directory.policies.delete(account, "Bounds")

    bounded = (await directory.describe(Kind.USER, account, "administrator")).entity
    assert made.arn == bounded.boundary
    assert (
        None is (await directory.change(Kind.USER, account, "administrator", boundary="")).boundary
    )


async def test_shipped_policies_stay_as_they_are(directory: Directory, account: AccountId) -> None:
    with pytest.raises(InvalidInput):
        await directory.policies.change(account, "AmazonSSMFullAccess", ALLOW)
    with pytest.raises(InvalidInput):
        await directory.policies.delete(account, "AmazonSSMFullAccess")


async def test_another_accounts_policy_is_not_there(
    directory: Directory, account: AccountId
) -> None:
    second, _ = await directory.create_account("second")
    theirs = await directory.policies.create(second.id, "Theirs", ALLOW)

    with pytest.raises(NoSuchEntity):
        await directory.policies.attach(Kind.USER, account, "administrator", theirs.arn)


async def test_inline_policies_come_and_go(directory: Directory, account: AccountId) -> None:
    await directory.policies.put_inline(Kind.USER, account, "administrator", "mine", ALLOW)
    assert ["mine"] == (await directory.describe(Kind.USER, account, "administrator")).inline

    await directory.policies.drop_inline(Kind.USER, account, "administrator", "mine")

    with pytest.raises(NoSuchEntity):
        await directory.policies.drop_inline(Kind.USER, account, "administrator", "mine")


async def test_a_user_has_two_keys_at_most(directory: Directory, account: AccountId) -> None:
    pair = await directory.keys.create(account, "administrator")
    with pytest.raises(LimitExceeded):
        await directory.keys.create(account, "administrator")

    await directory.keys.switch(account, pair.access_key, active=False)
    known = await directory.keys.list(account, "administrator")
    assert {pair.access_key} == {key.access_key for key in known if not key.active}
    await directory.keys.delete(account, pair.access_key)

    with pytest.raises(NoSuchEntity):
        await directory.keys.delete(account, pair.access_key)


async def test_another_accounts_key_is_not_there(directory: Directory, account: AccountId) -> None:
    _, theirs = await directory.create_account("second")

    with pytest.raises(NoSuchEntity):
        await directory.keys.delete(account, theirs.access_key)


@pytest.mark.parametrize(
    "deed",
    [
        lambda d, a: d.create(Kind.ROLE, a, "R"),
        lambda d, a: d.create(Kind.ROLE, a, "R", trust=ALLOW),
        lambda d, a: d.change(Kind.ROLE, a, "OstlerManagedInstance", trust="{"),
        lambda d, a: d.policies.create(a, "P", "{}"),
        lambda d, a: d.policies.create(a, "P", ALLOW[:-1] + " " * 9 + "x" * 6_144),
        lambda d, a: d.policies.put_inline(Kind.USER, a, "administrator", "p", "nonsense"),
    ],
)
async def test_a_malformed_policy_is_not_kept(
    directory: Directory,
    account: AccountId,
    deed: Callable[[Directory, AccountId], Awaitable[object]],
) -> None:
    with pytest.raises(MalformedPolicyDocument):
        await deed(directory, account)
