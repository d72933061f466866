"""Who calls, and the roles that are lent: sessions, nodes, the server's beginning."""

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ostler.capabilities.identity import (
    Identity,
    InvalidInput,
    Kind,
    MalformedPolicyDocument,
    NoSuchEntity,
    Wanted,
)
from ostler.foundation.call import Call, Caller
from ostler.foundation.clock import ManualClock
from ostler.foundation.errors import AccessDeniedException, ValidationException
from ostler.foundation.ids import AccountId, NodeId, Region
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Scope, Storage
from tests.support.calls import root_of

ACCOUNT = AccountId("111122223333")
NODE = NodeId("mi-0123456789abcdef0")
HOUR = timedelta(hours=1)
ROLE = "OstlerManagedInstance"
SECRET = "the administrator's"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/Admin"

CallOf = Callable[..., Call]
AProcess = Callable[..., Identity]


def a_policy(effect: str, action: str, **elements: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": "*", **elements}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def a_trust(principal: object, **elements: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **elements}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


@pytest.fixture
def engine() -> str:
    """The store's tests prove both engines."""
    return "sqlite"


@pytest.fixture
def started(a_process: AProcess) -> Identity:
    """An identity whose account has a role Admin that trusts the account."""
    identity = a_process()

    async def begin() -> None:
        await identity.first_start(account=ACCOUNT, access_key="administrator", secret_key=SECRET)
        await identity.directory.accounts.create("second", account="444455556666")
        trust = a_trust({"AWS": ACCOUNT})
        await identity.directory.create(root_of(ACCOUNT), Kind.ROLE, "Admin", trust=trust)
        await identity.directory.policies.attach(
            root_of(ACCOUNT), Kind.ROLE, "Admin", "AdministratorAccess"
        )

    asyncio.run(begin())
    return identity


async def caller_of(identity: Identity, access_key: str, token: str | None = None) -> Caller | None:
    found = await identity.find(access_key, token)
    return None if found is None else found.caller


async def a_user(identity: Identity, name: str, *policies: str) -> Caller:
    await identity.directory.create(root_of(ACCOUNT), Kind.USER, name)
    for number, policy in enumerate(policies):
        await identity.directory.policies.put_inline(
            root_of(ACCOUNT), Kind.USER, name, f"p{number}", policy
        )
    pair = await identity.directory.keys.create(root_of(ACCOUNT), name)
    caller = await caller_of(identity, pair.access_key)
    assert caller is not None
    return caller


# Users' keys


async def test_a_key_stands_for_its_user(started: Identity, call_of: CallOf) -> None:
    found = await started.find("administrator", None)

    assert found is not None
    assert SECRET == found.secret
    assert f"arn:aws:iam::{ACCOUNT}:user/administrator" == found.caller.arn
    assert "administrator" == found.caller.access_key
    await call_of(found.caller).allow("arn:aws:ssm:eu-west-1:111122223333:document/x")


async def test_keys_that_are_none(started: Identity) -> None:
    pair = await started.directory.keys.create(root_of(ACCOUNT), "administrator")
    await started.directory.keys.switch(root_of(ACCOUNT), pair.access_key, active=False)

    assert None is await caller_of(started, pair.access_key)
    for key in ("AKIANOBODY", "", "a\x00b", "é" * 8, "a" * 200):
        assert None is await caller_of(started, key)
    assert None is await caller_of(started, "administrator", "a token")


async def test_a_change_counts_at_once_here_and_soon_elsewhere(
    started: Identity, a_process: AProcess, clock: ManualClock
) -> None:
    """Other processes may go on for two seconds with what they know."""
    elsewhere = a_process()
    pair = await started.directory.keys.create(root_of(ACCOUNT), "administrator")
    assert await caller_of(started, pair.access_key)
    assert await caller_of(elsewhere, pair.access_key)

    await started.directory.keys.delete(root_of(ACCOUNT), pair.access_key)

    assert None is await caller_of(started, pair.access_key)
    assert await caller_of(elsewhere, pair.access_key)
    await clock.advance(timedelta(seconds=2))
    assert None is await caller_of(elsewhere, pair.access_key)


async def test_secrets_are_sealed_in_the_database(started: Identity, storage: Storage) -> None:
    with storage.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT secret FROM identity_keys").all()

    assert rows
    assert all(SECRET.encode() not in bytes(row[0]) for row in rows)


async def test_a_boundary_bounds(started: Identity, call_of: CallOf) -> None:
    await started.directory.policies.create(
        root_of(ACCOUNT), "Bounds", a_policy("Allow", "ssm:Get*")
    )
    await started.directory.change(root_of(ACCOUNT), Kind.USER, "administrator", boundary="Bounds")
    caller = await caller_of(started, "administrator")
    assert caller is not None

    await call_of(caller, "ssm:GetDocument").allow()
    with pytest.raises(AccessDeniedException, match="no permissions boundary allows"):
        await call_of(caller, "ssm:SendCommand").allow()


# Nodes' sessions


def itself(node: str = NODE, region: str = "eu-west-1", account: str = ACCOUNT) -> str:
    return f"arn:aws:ssm:{region}:{account}:managed-instance/{node}"


async def a_node(identity: Identity, scope: Scope, role: str = ROLE) -> Caller:
    keys = await identity.issue(scope, role, NODE, node=NODE)
    caller = await caller_of(identity, keys.access_key, keys.session_token)
    assert caller is not None
    return caller


async def test_a_nodes_session(started: Identity, scope: Scope, clock: ManualClock) -> None:
    keys = await started.issue(scope, ROLE, NODE, HOUR, node=NODE)

    found = await started.find(keys.access_key, keys.session_token)

    assert found is not None
    assert (keys.secret, clock.now() + HOUR) == (found.secret, found.expires)
    assert NODE == found.caller.node
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/{NODE}" == found.caller.arn


@pytest.mark.parametrize("role", [ROLE, "Wide"])
@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("ssm:UpdateInstanceInformation", itself(), True),
        ("ssm:UpdateInstanceInformation", itself("mi-0123456789abcdef1"), False),
        ("ssm:UpdateInstanceInformation", itself(account="444455556666"), False),
        ("ssmmessages:CreateControlChannel", itself(), True),
        ("ssmmessages:CreateControlChannel", itself("mi-0123456789abcdef1"), False),
        ("ec2messages:GetMessages", itself(), True),
        ("ssm:GetDocument", "arn:aws:ssm:eu-west-1::document/AWS-RunShellScript", True),
        ("ssm:SendCommand", itself(), False),
        ("ssm:DeregisterManagedInstance", itself(), False),
        ("ssm:CreateActivation", "*", False),
        ("iam:PassRole", "*", False),
        ("sts:AssumeRole", ROLE_ARN, False),
    ],
)
async def test_a_node_does_what_nodes_do_for_itself(
    started: Identity,
    scope: Scope,
    call_of: CallOf,
    role: str,
    action: str,
    resource: str,
    allowed: bool,
) -> None:
    """However wide its role is."""
    await started.directory.create(
        root_of(ACCOUNT), Kind.ROLE, "Wide", trust=a_trust({"Service": "ssm.amazonaws.com"})
    )
    await started.directory.policies.attach(
        root_of(ACCOUNT), Kind.ROLE, "Wide", "AdministratorAccess"
    )

    caller = await a_node(started, scope, role)

    assert allowed == await call_of(caller, action).may(resource)


async def test_a_role_narrower_than_a_node_is_not_widened(
    started: Identity, scope: Scope, call_of: CallOf
) -> None:
    caller = await a_node(started, scope)

    assert not await call_of(caller, "s3:PutObject").may("arn:aws:s3:::bucket/key")


async def test_a_node_stays_in_its_region(started: Identity, scope: Scope, call_of: CallOf) -> None:
    caller = await a_node(started, scope)
    elsewhere = Scope(ACCOUNT, Region("us-east-1"))

    call = call_of(caller, "ssm:UpdateInstanceInformation", scope=elsewhere)

    assert not await call.may(itself(region="us-east-1"))
    assert not await call.may(itself())
    reading = call_of(caller, "ssm:GetDocument", scope=elsewhere)
    assert not await reading.may("arn:aws:ssm:us-east-1:111122223333:document/x")


async def test_a_roles_tag_cannot_make_another_node_of_it(
    started: Identity, scope: Scope, call_of: CallOf, storage: Storage
) -> None:
    with storage.engine.begin() as connection:
        forged = json.dumps({"OSTLER:node": "mi-other", "ostler:node": "mi-other"})
        connection.exec_driver_sql(
            f"UPDATE identity_entities SET tags = '{forged}' WHERE name = '{ROLE}'"
        )

    call = call_of(await a_node(started, scope), "ssm:UpdateInstanceInformation")

    assert await call.may(itself())
    assert not await call.may(itself("mi-other"))


async def test_a_nodes_session_policy_can_only_deny(
    started: Identity, scope: Scope, call_of: CallOf
) -> None:
    wide = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    denial = {"Effect": "Deny", "Action": "ssm:GetDocument", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [wide, denial]}
    await started.directory.policies.attach(
        root_of(ACCOUNT), Kind.ROLE, ROLE, "AdministratorAccess"
    )

    keys = await started.issue(scope, ROLE, NODE, HOUR, session_policy=policy, node=NODE)

    caller = await caller_of(started, keys.access_key, keys.session_token)
    assert caller is not None
    may = {
        action: await call_of(caller, action).may(itself())
        for action in ("ssm:SendCommand", "ssm:GetDocument", "ssm:UpdateInstanceInformation")
    }
    assert [False, False, True] == list(may.values())


async def test_a_nodes_role_must_trust_systems_manager(started: Identity, scope: Scope) -> None:
    for role in ("Admin", "Nobody"):
        with pytest.raises(AccessDeniedException):
            await started.issue(scope, role, NODE, node=NODE)


# What ends a session


async def test_a_session_outlives_the_process(
    started: Identity, a_process: AProcess, scope: Scope
) -> None:
    keys = await started.issue(scope, ROLE, NODE, node=NODE)

    assert await caller_of(a_process(), keys.access_key, keys.session_token)
    assert None is await caller_of(
        a_process(secrets=Secrets(b"x" * 32)), keys.access_key, keys.session_token
    )


async def test_a_token_that_was_changed(started: Identity, scope: Scope) -> None:
    keys = await started.issue(scope, ROLE, NODE, node=NODE)
    other = await started.issue(scope, ROLE, NODE, node=NODE)
    raw = bytearray(base64.b64decode(keys.session_token))
    raw[-1] ^= 1
    bad = [base64.b64encode(raw).decode(), "x", "", "é", keys.session_token * 100, "AAAA" * 50]

    assert [None] * 6 == [await caller_of(started, keys.access_key, token) for token in bad]
    assert None is await caller_of(started, keys.access_key, other.session_token)
    assert None is await caller_of(started, keys.access_key, None)


async def test_a_session_ends_with_its_role(started: Identity, scope: Scope) -> None:
    """Also when there is a role of that name again."""
    keys = await started.issue(scope, "Admin", "s-1")
    await started.directory.delete(root_of(ACCOUNT), Kind.ROLE, "Admin", whole=True)
    assert None is await caller_of(started, keys.access_key, keys.session_token)

    await started.directory.create(root_of(ACCOUNT), Kind.ROLE, "Admin", trust=a_trust("*"))

    assert None is await caller_of(started, keys.access_key, keys.session_token)


async def test_a_session_ends_when_its_node_goes(
    started: Identity, scope: Scope, storage: Storage, clock: ManualClock
) -> None:
    keys = await started.issue(scope, ROLE, NODE, node=NODE)
    others = await started.issue(scope, ROLE, "mi-2", node=NodeId("mi-2"))

    await storage.write(scope, lambda tx: started.revoke(tx, ACCOUNT, NODE))

    assert None is await caller_of(started, keys.access_key, keys.session_token)
    assert await caller_of(started, others.access_key, others.session_token)
    await clock.advance(timedelta(milliseconds=1))
    later = await started.issue(scope, ROLE, NODE, node=NODE)
    assert await caller_of(started, later.access_key, later.session_token)


async def test_a_change_of_the_role_reaches_its_sessions(
    started: Identity, scope: Scope, call_of: CallOf
) -> None:
    keys = await started.issue(scope, "Admin", "s-1")
    await started.directory.policies.detach(
        root_of(ACCOUNT), Kind.ROLE, "Admin", "AdministratorAccess"
    )

    caller = await caller_of(started, keys.access_key, keys.session_token)

    assert caller is not None
    assert not await call_of(caller).may("*")


# Assuming and passing roles


async def test_a_role_is_lent_to_those_it_trusts(
    started: Identity, call_of: CallOf, clock: ManualClock
) -> None:
    alice = await a_user(started, "alice", a_policy("Allow", "sts:AssumeRole"))

    keys = await started.assume_role(call_of(alice), Wanted(ROLE_ARN, "work", duration=HOUR))

    found = await started.find(keys.access_key, keys.session_token)
    assert found is not None
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/work" == found.caller.arn == keys.arn
    assert clock.now() + HOUR == found.expires
    assert await call_of(found.caller).may("*")


async def test_both_sides_must_agree(started: Identity, call_of: CallOf) -> None:
    bob = await a_user(started, "bob")
    eve = await a_user(started, "eve", a_policy("Allow", "sts:*"), a_policy("Deny", "sts:AssumeR*"))
    alice = await a_user(started, "alice", a_policy("Allow", "sts:AssumeRole"))
    only_bob = a_trust({"AWS": bob.arn})
    await started.directory.create(root_of(ACCOUNT), Kind.ROLE, "Bobs", trust=only_bob)

    for caller, role in ((bob, ROLE_ARN), (eve, ROLE_ARN), (alice, "Bobs"), (alice, "Nobodys")):
        arn = role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:role/{role}"
        with pytest.raises(AccessDeniedException, match="not authorized to perform: sts:Assume"):
            await started.assume_role(call_of(caller), Wanted(arn, "work"))


async def test_an_external_id_is_asked_for(started: Identity, call_of: CallOf) -> None:
    trust = a_trust({"AWS": ACCOUNT}, Condition={"StringEquals": {"sts:ExternalId": "7"}})
    await started.directory.change(root_of(ACCOUNT), Kind.ROLE, "Admin", trust=trust)
    alice = await a_user(started, "alice", a_policy("Allow", "sts:AssumeRole"))

    with pytest.raises(AccessDeniedException):
        await started.assume_role(call_of(alice), Wanted(ROLE_ARN, "work"))

    assert await started.assume_role(call_of(alice), Wanted(ROLE_ARN, "work", external_id="7"))


async def test_another_accounts_role(started: Identity, call_of: CallOf) -> None:
    other = AccountId("444455556666")
    arn = f"arn:aws:iam::{other}:role/Guest"
    alice = await a_user(started, "alice", a_policy("Allow", "sts:AssumeRole"))
    await started.directory.create(
        root_of(other), Kind.ROLE, "Guest", trust=a_trust({"AWS": other})
    )
    with pytest.raises(AccessDeniedException):
        await started.assume_role(call_of(alice), Wanted(arn, "work"))

    await started.directory.change(
        root_of(other), Kind.ROLE, "Guest", trust=a_trust({"AWS": alice.arn})
    )

    keys = await started.assume_role(call_of(alice), Wanted(arn, "work"))
    caller = await caller_of(started, keys.access_key, keys.session_token)
    assert caller is not None
    assert other == caller.account


async def test_a_session_can_be_narrowed(started: Identity, call_of: CallOf) -> None:
    alice = await a_user(started, "alice", a_policy("Allow", "sts:AssumeRole"))

    keys = await started.assume_role(
        call_of(alice), Wanted(ROLE_ARN, "work", policy=a_policy("Allow", "ssm:Get*"))
    )

    caller = await caller_of(started, keys.access_key, keys.session_token)
    assert caller is not None
    assert await call_of(caller, "ssm:GetDocument").may("*")
    assert not await call_of(caller, "ssm:SendCommand").may("*")
    with pytest.raises(MalformedPolicyDocument):
        await started.assume_role(call_of(alice), Wanted(ROLE_ARN, "work", policy="{}"))


async def test_a_session_lasts_as_long_as_its_role_lets_it(
    started: Identity, call_of: CallOf
) -> None:
    trust = a_trust({"AWS": ACCOUNT})
    long = await started.directory.create(
        root_of(ACCOUNT), Kind.ROLE, "Long", trust=trust, longest_session=timedelta(hours=12)
    )
    alice = await a_user(started, "alice", a_policy("Allow", "sts:AssumeRole"))

    keys = await started.assume_role(
        call_of(alice), Wanted(long.arn, "work", duration=timedelta(hours=12))
    )
    for minutes in (14, 12 * 60 + 1):
        with pytest.raises(ValidationException):
            await started.assume_role(
                call_of(alice), Wanted(long.arn, "work", duration=timedelta(minutes=minutes))
            )

    # A session that lends itself the next one gets an hour.
    await started.directory.policies.attach(
        root_of(ACCOUNT), Kind.ROLE, "Long", "AdministratorAccess"
    )
    caller = await caller_of(started, keys.access_key, keys.session_token)
    assert caller is not None
    assert await started.assume_role(call_of(caller), Wanted(long.arn, "next", duration=HOUR))
    with pytest.raises(ValidationException):
        await started.assume_role(call_of(caller), Wanted(long.arn, "next", duration=2 * HOUR))


async def test_a_role_may_trust_another(started: Identity, call_of: CallOf) -> None:
    """A session is known by its role."""
    next_role = await started.directory.create(
        root_of(ACCOUNT), Kind.ROLE, "Next", trust=a_trust({"AWS": ROLE_ARN})
    )
    administrator = await caller_of(started, "administrator")
    assert administrator is not None
    with pytest.raises(AccessDeniedException):
        await started.assume_role(call_of(administrator), Wanted(next_role.arn, "work"))

    caller = await started.role_caller(ACCOUNT, "Admin")

    assert await started.assume_role(call_of(caller), Wanted(next_role.arn, "work"))


async def test_a_role_inside_the_server(started: Identity, call_of: CallOf) -> None:
    caller = await started.role_caller(ACCOUNT, ROLE_ARN, "window")

    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/window" == caller.arn
    assert await call_of(caller).may("*")
    with pytest.raises(NoSuchEntity):
        await started.role_caller(ACCOUNT, "Nobody")


async def test_roles_that_a_service_may_take(started: Identity, scope: Scope) -> None:
    names = [ROLE, f"service-role/{ROLE}", f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"]
    foreign = f"arn:aws:iam::444455556666:role/{ROLE}"

    assert [True] * 3 == [await started.role_exists(scope, name) for name in names]
    assert [False] * 3 == [
        await started.role_exists(scope, name) for name in ("Admin", "Nobody", foreign)
    ]
    assert not await started.role_exists(scope, ROLE, "ec2.amazonaws.com")


async def test_passing_a_role(started: Identity, call_of: CallOf) -> None:
    passing = a_policy(
        "Allow",
        "iam:PassRole",
        Resource=f"arn:aws:iam::*:role/{ROLE}",
        Condition={"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
    )
    alice = await a_user(started, "alice", passing)

    await started.pass_role(call_of(alice), f"service-role/{ROLE}")
    for role in ("Admin", "Nobody", f"arn:aws:iam::444455556666:role/{ROLE}"):
        with pytest.raises(AccessDeniedException):
            await started.pass_role(call_of(alice), role)
    with pytest.raises(AccessDeniedException, match="iam:PassRole on resource: arn:aws:iam::1111"):
        await started.pass_role(call_of(alice), ROLE, "ec2.amazonaws.com")


# The beginning


async def test_a_key_of_somebody_else_is_not_taken_over(
    started: Identity, a_process: AProcess
) -> None:
    alice = await a_user(started, "alice")

    with pytest.raises(InvalidInput):
        await a_process().first_start(
            account=ACCOUNT, access_key=alice.access_key, secret_key="long enough"
        )
