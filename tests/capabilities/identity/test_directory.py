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
from ostler.foundation.call import Call
from ostler.foundation.ids import AccountId
from tests.support.calls import root_of

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
def call(directory: Directory) -> Call:
    """A call of the first account itself."""
    made, _ = asyncio.run(directory.accounts.create("first", account="111122223333"))
    return root_of(made.id)


async def test_an_account_begins_with_an_administrator_and_a_role_for_nodes(
    directory: Directory, call: Call
) -> None:
    administrator = await directory.describe(call, Kind.USER, "administrator")
    role = await directory.describe(call, Kind.ROLE, "OstlerManagedInstance")

    assert ["arn:aws:iam::aws:policy/AdministratorAccess"] == administrator.attached
    assert 1 == len(administrator.keys)
    assert ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"] == role.attached
    assert "arn:aws:iam::111122223333:role/OstlerManagedInstance" == role.entity.arn


async def test_an_account_can_be_given_up_but_the_last(directory: Directory, call: Call) -> None:
    with pytest.raises(DeleteConflict):
        await directory.accounts.delete(call.account)
    with pytest.raises(EntityAlreadyExists):
        await directory.accounts.create(account=call.account)
    second, _ = await directory.accounts.create("second")

    await directory.accounts.delete(call.account)

    assert [second.id] == [known.id for known in await directory.accounts.list()]
    with pytest.raises(NoSuchEntity):
        await directory.accounts.delete(call.account)


async def test_names_are_taken_in_every_case(directory: Directory, call: Call) -> None:
    await directory.create(call, Kind.USER, "Alice")

    with pytest.raises(EntityAlreadyExists):
        await directory.create(call, Kind.USER, "alice")
    with pytest.raises(NoSuchEntity):
        await directory.create(root_of(AccountId("999999999999")), Kind.USER, "alice")


async def test_what_is_in_use_is_not_deleted_by_accident(directory: Directory, call: Call) -> None:
    await directory.create(call, Kind.USER, "alice")
    await directory.create(call, Kind.GROUP, "staff")
    await directory.join(call, "alice", "staff")
    await directory.keys.create(call, "alice")
    for kind, name in ((Kind.USER, "alice"), (Kind.GROUP, "staff")):
        with pytest.raises(DeleteConflict):
            await directory.delete(call, kind, name)

    await directory.delete(call, Kind.USER, "alice", whole=True)

    assert [] == list((await directory.describe(call, Kind.GROUP, "staff")).users)
    await directory.delete(call, Kind.GROUP, "staff")
    assert ["administrator"] == [u.name for u in (await directory.list(call, Kind.USER)).items]


async def test_a_user_leaves_a_group(directory: Directory, call: Call) -> None:
    await directory.create(call, Kind.GROUP, "staff")
    await directory.join(call, "administrator", "staff")

    await directory.leave(call, "administrator", "staff")

    with pytest.raises(NoSuchEntity):
        await directory.leave(call, "administrator", "staff")


async def test_a_policys_life(directory: Directory, call: Call) -> None:
    made = await directory.policies.create(call, "Own", ALLOW)
    await directory.policies.attach(call, Kind.ROLE, "OstlerManagedInstance", "Own")
    with pytest.raises(DeleteConflict):
        await directory.policies.delete(call, "Own")

    await directory.policies.change(call, "Own", ALLOW.replace("ssm", "s3"))
    await directory.policies.detach(call, Kind.ROLE, "OstlerManagedInstance", made.arn)

    assert "s3:*" in (await directory.policies.get(call, made.arn)).policy.document
    assert "Own" == (await directory.policies.list(call))[0].policy.name
    with pytest.raises(DeleteConflict, match="more than one version"):
        await directory.policies.delete(call, "Own")
    await directory.policies.delete(call, "Own", whole=True)
    with pytest.raises(NoSuchEntity):
        await directory.policies.get(call, "Own")


async def test_a_policy_that_bounds_is_in_use(directory: Directory, call: Call) -> None:
    made = await directory.policies.create(call, "Bounds", ALLOW)
    await directory.change(call, Kind.USER, "administrator", boundary="Bounds")

    with pytest.raises(DeleteConflict):
        await directory.policies.delete(call, "Bounds")

    bounded = (await directory.describe(call, Kind.USER, "administrator")).entity
    assert made.arn == bounded.boundary
    assert None is (await directory.change(call, Kind.USER, "administrator", boundary="")).boundary


async def test_shipped_policies_stay_as_they_are(directory: Directory, call: Call) -> None:
    with pytest.raises(InvalidInput):
        await directory.policies.change(call, "AmazonSSMFullAccess", ALLOW)
    with pytest.raises(InvalidInput):
        await directory.policies.delete(call, "AmazonSSMFullAccess")


async def test_another_accounts_policy_is_not_there(directory: Directory, call: Call) -> None:
    second, _ = await directory.accounts.create("second")
    theirs = await directory.policies.create(root_of(second.id), "Theirs", ALLOW)

    with pytest.raises(NoSuchEntity):
        await directory.policies.attach(call, Kind.USER, "administrator", theirs.arn)


async def test_inline_policies_come_and_go(directory: Directory, call: Call) -> None:
    await directory.policies.put_inline(call, Kind.USER, "administrator", "mine", ALLOW)
    assert ["mine"] == (await directory.describe(call, Kind.USER, "administrator")).inline

    await directory.policies.drop_inline(call, Kind.USER, "administrator", "mine")

    with pytest.raises(NoSuchEntity):
        await directory.policies.drop_inline(call, Kind.USER, "administrator", "mine")


async def test_a_user_has_two_keys_at_most(directory: Directory, call: Call) -> None:
    pair = await directory.keys.create(call, "administrator")
    with pytest.raises(LimitExceeded):
        await directory.keys.create(call, "administrator")

    await directory.keys.switch(call, pair.access_key, active=False)
    known = await directory.keys.list(call, "administrator")
    assert {pair.access_key} == {key.access_key for key in known if not key.active}
    await directory.keys.delete(call, pair.access_key)

    with pytest.raises(NoSuchEntity):
        await directory.keys.delete(call, pair.access_key)


async def test_another_accounts_key_is_not_there(directory: Directory, call: Call) -> None:
    _, theirs = await directory.accounts.create("second")

    with pytest.raises(NoSuchEntity):
        await directory.keys.delete(call, theirs.access_key)


@pytest.mark.parametrize(
    "deed",
    [
        lambda d, c: d.create(c, Kind.ROLE, "R"),
        lambda d, c: d.create(c, Kind.ROLE, "R", trust=ALLOW),
        lambda d, c: d.change(c, Kind.ROLE, "OstlerManagedInstance", trust="{"),
        lambda d, c: d.policies.create(c, "P", "{}"),
        lambda d, c: d.policies.create(c, "P", ALLOW[:-1] + " " * 9 + "x" * 6_144),
        lambda d, c: d.policies.put_inline(c, Kind.USER, "administrator", "p", "nonsense"),
    ],
)
async def test_a_malformed_policy_is_not_kept(
    directory: Directory,
    call: Call,
    deed: Callable[[Directory, Call], Awaitable[object]],
) -> None:
    with pytest.raises(MalformedPolicyDocument):
        await deed(directory, call)
