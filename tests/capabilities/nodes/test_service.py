"""Activations, registration, heartbeats and letting go, as customers and agents see them."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest

from ostler.capabilities.nodes.errors import (
    ActivationExpired,
    InstanceAlreadyRegistered,
    InvalidActivation,
    InvalidActivationId,
    InvalidFilter,
    InvalidInstanceId,
    InvalidPublicKey,
    MachineFingerprintDoesNotMatch,
    PublicKeyAlreadyRegistered,
    RegistrationLimitExceeded,
)
from ostler.foundation.errors import AccessDeniedException, ValidationException
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope
from tests.capabilities.nodes.fleets import Fleet, application, on_both_engines, public_key
from tests.support.calls import NOBODY, allowing

# Activations


@on_both_engines
async def test_an_activation_is_shown_without_its_code(fleet: Fleet, scope: Scope) -> None:
    await fleet.open(scope)
    customer = fleet.customer(scope)

    made = await customer.ask(
        "CreateActivation",
        IamRole="Fleet",
        Description="the web servers",
        DefaultInstanceName="web",
        Tags=[{"Key": "role", "Value": "web"}],
        RegistrationMetadata=[{"Key": "ticket", "Value": "7"}],
    )
    shown = (await customer.ask("DescribeActivations"))["ActivationList"]

    assert re.fullmatch(r"[A-Za-z0-9+/]{20}", made["ActivationCode"])
    assert [
        {
            "ActivationId": made["ActivationId"],
            "CreatedDate": fleet.clock.now(),
            "DefaultInstanceName": "web",
            "Description": "the web servers",
            "ExpirationDate": fleet.clock.now() + timedelta(hours=24),
            "Expired": False,
            "IamRole": "Fleet",
            "RegistrationLimit": 1,
            "RegistrationsCount": 0,
            "Tags": [{"Key": "role", "Value": "web"}],
        }
    ] == shown


async def test_the_code_is_not_in_the_database(fleet: Fleet, scope: Scope) -> None:
    made = await fleet.activation(scope)

    with fleet.house.storage.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM nodes_activations").all()

    assert made["ActivationId"] in repr(rows)
    assert made["ActivationCode"] not in repr(rows)


async def test_a_role_must_exist_and_trust_systems_manager(fleet: Fleet, scope: Scope) -> None:
    for name in ("Nobody", "Machines"):
        with pytest.raises(ValidationException) as refused:
            await fleet.activation(scope, IamRole=name)

        assert (
            "Nonexistent role or missing ssm service principal in trust policy: "
            f"arn:aws:iam::{scope.account}:role/{name}"
        ) == refused.value.message


async def test_a_role_is_given_by_those_who_may_pass_it(fleet: Fleet, scope: Scope) -> None:
    await fleet.open(scope)
    customer = fleet.customer(scope, policies=allowing("ssm:*"))

    with pytest.raises(AccessDeniedException, match="iam:PassRole"):
        await customer.ask("CreateActivation", IamRole="Fleet")


@pytest.mark.parametrize(
    "tags",
    [
        [{"Key": "aws:role", "Value": "x"}],
        [{"Key": f"key{n}", "Value": ""} for n in range(51)],
        [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}],
    ],
    ids=["reserved", "too many", "twice"],
)
async def test_an_activation_carries_no_impossible_tags(
    fleet: Fleet, scope: Scope, tags: Any
) -> None:
    with pytest.raises(ValidationException):
        await fleet.activation(scope, Tags=tags)


@on_both_engines
async def test_activations_are_listed_page_by_page(fleet: Fleet, scope: Scope) -> None:
    made = []
    for _ in range(5):
        made.append((await fleet.activation(scope))["ActivationId"])
        await fleet.clock.advance(timedelta(seconds=1))

    pages = await fleet.customer(scope).every("DescribeActivations", "ActivationList", MaxResults=2)

    assert [2, 2, 1] == [len(page) for page in pages]
    assert made == [each["ActivationId"] for page in pages for each in page]


@pytest.mark.parametrize(
    ("key", "value"),
    [("ActivationIds", "itself"), ("DefaultInstanceName", "web"), ("IamRole", "Other")],
)
async def test_activations_are_filtered(fleet: Fleet, scope: Scope, key: str, value: str) -> None:
    await fleet.activation(scope, DefaultInstanceName="db")
    wanted = (await fleet.activation(scope, IamRole="Other", DefaultInstanceName="web"))[
        "ActivationId"
    ]
    filters = [{"FilterKey": key, "FilterValues": [wanted if value == "itself" else value]}]

    shown = await fleet.customer(scope).ask("DescribeActivations", Filters=filters)

    assert [wanted] == [each["ActivationId"] for each in shown["ActivationList"]]


@pytest.mark.parametrize("wanted", [{"FilterKey": "IamRole"}, {"FilterValues": ["x"]}])
async def test_half_a_filter_is_refused(fleet: Fleet, scope: Scope, wanted: Any) -> None:
    with pytest.raises(InvalidFilter):
        await fleet.customer(scope).ask("DescribeActivations", Filters=[wanted])


@on_both_engines
async def test_a_deleted_activation_registers_nobody(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)
    permit = await fleet.activation(scope)
    customer = fleet.customer(scope)

    await customer.ask("DeleteActivation", ActivationId=permit["ActivationId"])

    with pytest.raises(InvalidActivation):
        await customer.ask("RegisterManagedInstance", **application(permit, 1))
    with pytest.raises(InvalidActivationId):
        await customer.ask("DeleteActivation", ActivationId=permit["ActivationId"])
    assert node in await shown(fleet, scope)


async def test_activations_stay_in_their_account(
    fleet: Fleet, scope: Scope, other_scope: Scope
) -> None:
    permit = await fleet.activation(scope)
    stranger = fleet.customer(other_scope)

    assert [] == (await stranger.ask("DescribeActivations"))["ActivationList"]
    with pytest.raises(InvalidActivationId):
        await stranger.ask("DeleteActivation", ActivationId=permit["ActivationId"])


# Registration


@on_both_engines
async def test_a_machine_becomes_a_node_of_the_activations_account(
    fleet: Fleet, scope: Scope, other_scope: Scope
) -> None:
    """Nobody signs a registration: only the activation tells whose the node is."""
    permit = await fleet.activation(
        scope, DefaultInstanceName="web", Tags=[{"Key": "role", "Value": "web"}]
    )

    node = (
        await fleet.customer(other_scope, policies=NOBODY).ask(
            "RegisterManagedInstance", **application(permit)
        )
    )["InstanceId"]

    assert re.fullmatch(r"mi-[0-9a-f]{17}", node)
    assert [node] == await shown(fleet, scope)
    assert [] == await shown(fleet, other_scope)
    tags = await fleet.customer(scope).ask(
        "ListTagsForResource", ResourceType="ManagedInstance", ResourceId=node
    )
    assert [{"Key": "role", "Value": "web"}] == tags["TagList"]
    activations = (await fleet.customer(scope).ask("DescribeActivations"))["ActivationList"]
    assert 1 == activations[0]["RegistrationsCount"]
    assert "nodes.NodeRegistered" in [told.kind for told in await fleet.told(scope)]


@on_both_engines
async def test_of_two_machines_one_gets_the_last_place(fleet: Fleet, scope: Scope) -> None:
    permit = await fleet.activation(scope, RegistrationLimit=1)
    customer = fleet.customer(scope)

    outcomes = await asyncio.gather(
        *(customer.ask("RegisterManagedInstance", **application(permit, n)) for n in range(4)),
        return_exceptions=True,
    )

    assert 3 == sum(isinstance(each, RegistrationLimitExceeded) for each in outcomes)
    assert 1 == len(await shown(fleet, scope))
    assert 3 == sum(told.kind == "nodes.RegistrationRefused" for told in await fleet.told(scope))


async def test_an_expired_activation_registers_nobody(fleet: Fleet, scope: Scope) -> None:
    permit = await fleet.activation(scope)
    await fleet.clock.advance(timedelta(hours=24))

    with pytest.raises(ActivationExpired):
        await fleet.customer(scope).ask("RegisterManagedInstance", **application(permit))

    refused = (await fleet.told(scope))[-1]
    assert "nodes.RegistrationRefused" == refused.kind
    assert {
        "activation": permit["ActivationId"],
        "because": "the activation has expired",
    } == refused.body
    listed = (await fleet.customer(scope).ask("DescribeActivations"))["ActivationList"]
    assert listed[0]["Expired"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"ActivationCode": "A" * 20},
        {"ActivationId": "00000000-0000-4000-8000-000000000000"},
    ],
)
async def test_a_wrong_code_and_an_unknown_id_sound_the_same(
    fleet: Fleet, scope: Scope, wrong: Any
) -> None:
    permit = await fleet.activation(scope)

    with pytest.raises(InvalidActivation) as refused:
        await fleet.customer(scope).ask(
            "RegisterManagedInstance", **{**application(permit), **wrong}
        )

    assert "There is no such activation, or the code is not its own." == refused.value.message
    assert [] == await shown(fleet, scope)


@on_both_engines
async def test_a_registration_repeated_costs_no_second_place(fleet: Fleet, scope: Scope) -> None:
    """The answer may get lost, and the agent's SDK asks again."""
    permit = await fleet.activation(scope, RegistrationLimit=1)
    customer = fleet.customer(scope)

    first = await customer.ask("RegisterManagedInstance", **application(permit))
    again = await customer.ask("RegisterManagedInstance", **application(permit))

    assert first == again


async def test_a_key_is_one_nodes_alone(fleet: Fleet, scope: Scope, other_scope: Scope) -> None:
    await fleet.node(scope, 0)
    for where in (scope, other_scope):
        permit = await fleet.activation(where)
        with pytest.raises(InstanceAlreadyRegistered):
            await fleet.customer(where).ask("RegisterManagedInstance", **application(permit, 0))


async def test_a_machine_needs_an_activation(fleet: Fleet, scope: Scope) -> None:
    permit = await fleet.activation(scope)
    customer = fleet.customer(scope)
    for given in (
        {"PublicKey": public_key(0), "Fingerprint": "f"},
        {**application(permit), "IamRole": "Admin"},
        {**application(permit), "Tags": [{"Key": "role", "Value": "db"}]},
    ):
        with pytest.raises(AccessDeniedException):
            await customer.ask("RegisterManagedInstance", **given)


async def test_a_broken_key_is_refused(fleet: Fleet, scope: Scope) -> None:
    permit = await fleet.activation(scope)

    with pytest.raises(InvalidPublicKey):
        await fleet.customer(scope).ask(
            "RegisterManagedInstance", **{**application(permit), "PublicKey": "A" * 392}
        )


# Credentials and keys


async def test_a_node_gets_its_role_for_an_hour_for_itself_alone(
    fleet: Fleet, scope: Scope
) -> None:
    node = await fleet.node(scope, 0)

    renewed = await fleet.customer(scope, node=node).ask(
        "RequestManagedInstanceRoleToken", Fingerprint="machine 0"
    )

    assert (fleet.clock.now() + timedelta(hours=1), False) == (
        renewed["TokenExpirationDate"],
        renewed["UpdateKeyPair"],
    )
    found = await fleet.identity.find(renewed["AccessKeyId"], renewed["SessionToken"])
    assert found is not None
    assert renewed["SecretAccessKey"] == found.secret
    assert node == found.caller.node
    assert f"arn:aws:sts::{scope.account}:assumed-role/Fleet/{node}" == found.caller.arn


async def test_a_cloned_machine_is_found_out(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)

    with pytest.raises(MachineFingerprintDoesNotMatch):
        await fleet.customer(scope, node=node).ask(
            "RequestManagedInstanceRoleToken", Fingerprint="another machine"
        )

    told = (await fleet.told(scope))[-1]
    assert ("nodes.MachineMismatched", {"node": node}) == (told.kind, told.body)


@on_both_engines
async def test_a_new_key_takes_the_place_of_the_old_one(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)
    itself = fleet.customer(scope, node=node)
    old = await fleet.nodes.public_key(scope.region, node)
    await fleet.clock.advance(timedelta(days=30))

    due = await itself.ask("RequestManagedInstanceRoleToken", Fingerprint="machine 0")
    await itself.ask(
        "UpdateManagedInstancePublicKey", NewPublicKey=public_key(1), NewPublicKeyType="Rsa"
    )
    fresh = await itself.ask("RequestManagedInstanceRoleToken", Fingerprint="machine 0")

    new = await fleet.nodes.public_key(scope.region, node)
    assert (True, False) == (due["UpdateKeyPair"], fresh["UpdateKeyPair"])
    assert old is not None
    assert new is not None
    assert old != new
    assert scope.account == new[0]


async def test_a_new_key_is_nobodys_yet(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)
    await fleet.node(scope, 1)

    for number in (0, 1):
        with pytest.raises(PublicKeyAlreadyRegistered):
            await fleet.customer(scope, node=node).ask(
                "UpdateManagedInstancePublicKey",
                NewPublicKey=public_key(number),
                NewPublicKeyType="Rsa",
            )


async def test_only_nodes_ask_for_what_nodes_ask_for(fleet: Fleet, scope: Scope) -> None:
    admin = fleet.customer(scope)

    with pytest.raises(AccessDeniedException):
        await admin.ask("RequestManagedInstanceRoleToken", Fingerprint="machine 0")
    with pytest.raises(AccessDeniedException):
        await admin.ask(
            "UpdateManagedInstancePublicKey", NewPublicKey=public_key(1), NewPublicKeyType="Rsa"
        )


async def test_a_key_is_found_only_in_its_region(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)

    assert await fleet.nodes.public_key(scope.region, node) is not None
    assert await fleet.nodes.public_key(type(scope.region)("elsewhere"), node) is None
    assert await fleet.nodes.public_key(scope.region, NodeId("mi-" + "0" * 17)) is None


# Letting go


@on_both_engines
async def test_a_deregistered_node_is_none_any_more(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0, Tags=[{"Key": "role", "Value": "web"}])
    customer, itself = fleet.customer(scope), fleet.customer(scope, node=node)
    keys = await itself.ask("RequestManagedInstanceRoleToken", Fingerprint="machine 0")

    await customer.ask("DeregisterManagedInstance", InstanceId=node)

    assert await fleet.identity.find(keys["AccessKeyId"], keys["SessionToken"]) is None
    assert [] == await shown(fleet, scope)
    assert await fleet.nodes.public_key(scope.region, node) is None
    with pytest.raises(InvalidInstanceId):
        await itself.ask("RequestManagedInstanceRoleToken", Fingerprint="machine 0")
    with pytest.raises(InvalidInstanceId):
        await itself.ask("UpdateInstanceInformation", InstanceId=node)
    with pytest.raises(InvalidInstanceId) as refused:
        await customer.ask("DeregisterManagedInstance", InstanceId=node)
    assert (
        f"Instances [[{node}]] not in a valid state for account {scope.account}"
        == refused.value.message
    )
    tags = await fleet.house.storage.read(
        scope, lambda tx: fleet.tags.of(tx, "ManagedInstance", node)
    )
    assert {} == tags
    gone, announced = (await fleet.told(scope))[-2:]
    assert "nodes.NodeDeregistered" == gone.kind
    assert {
        "source": "ostler.nodes",
        "detail_type": "Node Deregistered",
        "detail": {"instance-id": node},
        "resources": [f"arn:aws:ssm:{scope.region}:{scope.account}:managed-instance/{node}"],
    } == announced.body


@on_both_engines
async def test_whoever_was_deregistered_needs_another_activation(
    fleet: Fleet, scope: Scope
) -> None:
    permit = await fleet.activation(scope)
    customer = fleet.customer(scope)
    first = await customer.ask("RegisterManagedInstance", **application(permit, 0))
    await customer.ask("DeregisterManagedInstance", InstanceId=first["InstanceId"])

    with pytest.raises(InvalidActivation, match="use another activation"):
        await customer.ask("RegisterManagedInstance", **application(permit, 1, "machine 0"))

    back = await fleet.node(scope, 0)
    assert back != first["InstanceId"]


async def test_an_id_is_never_given_twice(
    fleet: Fleet, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = await fleet.node(scope, 0)
    await fleet.customer(scope).ask("DeregisterManagedInstance", InstanceId=gone)
    digits = iter([gone[3:], "f" * 17])
    permit = await fleet.activation(scope)
    monkeypatch.setattr("ostler.foundation.ids.SystemIds.hex", lambda self, size: next(digits))

    back = await fleet.customer(scope).ask("RegisterManagedInstance", **application(permit, 1))

    assert "mi-" + "f" * 17 == back["InstanceId"]


async def test_another_accounts_node_stays_where_it_is(
    fleet: Fleet, scope: Scope, other_scope: Scope
) -> None:
    node = await fleet.node(scope, 0)
    await fleet.open(other_scope)
    stranger = fleet.customer(other_scope)

    with pytest.raises(InvalidInstanceId):
        await stranger.ask("DeregisterManagedInstance", InstanceId=node)
    with pytest.raises(InvalidInstanceId):
        await stranger.ask("UpdateManagedInstanceRole", InstanceId=node, IamRole="Other")
    assert [node] == await shown(fleet, scope)


@on_both_engines
async def test_a_node_takes_another_role(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope, 0)
    customer = fleet.customer(scope)

    await customer.ask("UpdateManagedInstanceRole", InstanceId=node, IamRole="Other")

    listed = await customer.ask("DescribeInstanceInformation")
    assert "Other" == listed["InstanceInformationList"][0]["IamRole"]
    with pytest.raises(ValidationException):
        await customer.ask("UpdateManagedInstanceRole", InstanceId=node, IamRole="Nobody")


async def test_permission_comes_before_absence(fleet: Fleet, scope: Scope) -> None:
    node = "mi-" + "0" * 17
    nobody = fleet.customer(scope, policies=NOBODY)

    for operation, given in (
        ("DeregisterManagedInstance", {"InstanceId": node}),
        ("UpdateManagedInstanceRole", {"InstanceId": node, "IamRole": "Fleet"}),
        ("DescribeInstanceInformation", {}),
        ("DescribeInstanceProperties", {}),
        ("ListNodes", {}),
        ("DescribeActivations", {}),
    ):
        with pytest.raises(AccessDeniedException, match=f"ssm:{operation}"):
            await nobody.ask(operation, **given)


async def shown(fleet: Fleet, scope: Scope) -> list[str]:
    listed = await fleet.customer(scope).ask("DescribeInstanceInformation")
    return [each["InstanceId"] for each in listed["InstanceInformationList"]]
