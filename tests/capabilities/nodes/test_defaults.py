"""Default Host Management Configuration: what nodes are lent when their own role cannot be."""

from collections.abc import Mapping
from typing import Any

import pytest

from ostler.capabilities.identity import Kind
from ostler.foundation.errors import AccessDeniedException, ValidationException
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope
from tests.capabilities.nodes.fleets import NO_TRUST, TRUST, Fleet, on_both_engines
from tests.support.calls import ADMIN, allowing, root_of

SERVICE_ROLE = "AWSSystemsManagerDefaultEC2InstanceManagementRole"
SETTING = "servicesetting/ssm/managed-instance/default-ec2-instance-management-role"


def role_arn(scope: Scope, name: str) -> str:
    return f"arn:aws:iam::{scope.account}:role/{name}"


async def register(fleet: Fleet, scope: Scope, policies: Any = ADMIN, **given: Any) -> str:
    """Register a role of one's own, or the service's; the ARN in the answer."""
    await fleet.open(scope)
    model = "SELF_MANAGED" if "RoleArn" in given else "SERVICE_MANAGED"
    given = {"PermissionModel": model, **given}
    customer = fleet.customer(scope, policies=policies)
    return str(
        (await customer.ask("RegisterDefaultHostManagementConfiguration", **given))["RoleArn"]
    )


async def lent(fleet: Fleet, scope: Scope, node: NodeId) -> str:
    """The name of the role that the node is lent."""
    renewed: Mapping[str, Any] = await fleet.customer(scope, node=node).ask(
        "RequestManagedInstanceRoleToken", Fingerprint="machine 0"
    )
    found = await fleet.identity.find(renewed["AccessKeyId"], renewed["SessionToken"])
    assert found is not None
    assert node == found.caller.node
    return found.caller.arn.split("/")[1]


@on_both_engines
async def test_a_node_is_lent_the_default_while_its_own_role_cannot_be(
    fleet: Fleet, scope: Scope
) -> None:
    node = await fleet.node(scope)
    await register(fleet, scope, RoleArn=role_arn(scope, "Other"))
    roles = fleet.identity.directory
    told = [await lent(fleet, scope, node)]
    await roles.change(root_of(scope.account), Kind.ROLE, "Fleet", trust=NO_TRUST)
    told.append(await lent(fleet, scope, node))
    await roles.change(root_of(scope.account), Kind.ROLE, "Fleet", trust=TRUST)
    told.append(await lent(fleet, scope, node))
    await roles.delete(root_of(scope.account), Kind.ROLE, "Fleet")
    told.append(await lent(fleet, scope, node))

    assert ["Fleet", "Other", "Fleet", "Other"] == told


async def test_without_a_default_the_node_is_refused_as_before(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope)
    await register(fleet, scope)
    await fleet.identity.directory.delete(root_of(scope.account), Kind.ROLE, "Fleet")
    assert SERVICE_ROLE == await lent(fleet, scope, node)

    await fleet.customer(scope).ask("DeregisterDefaultHostManagementConfiguration")

    with pytest.raises(AccessDeniedException, match="The role Fleet does not exist"):
        await lent(fleet, scope, node)


async def test_a_default_that_is_no_more_is_no_help(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope)
    await register(fleet, scope, RoleArn=role_arn(scope, "Other"))
    for name in ("Fleet", "Other"):
        await fleet.identity.directory.delete(root_of(scope.account), Kind.ROLE, name)

    with pytest.raises(AccessDeniedException, match="The role Fleet does not exist"):
        await lent(fleet, scope, node)


async def test_the_default_is_of_one_region(fleet: Fleet, scope: Scope) -> None:
    node = await fleet.node(scope)
    await register(fleet, Scope(scope.account, type(scope.region)("elsewhere")))
    await fleet.identity.directory.delete(root_of(scope.account), Kind.ROLE, "Fleet")

    with pytest.raises(AccessDeniedException):
        await lent(fleet, scope, node)


@on_both_engines
async def test_the_service_makes_its_role_once(fleet: Fleet, scope: Scope) -> None:
    """It has the policy and the path that AWS gives it, and later it is used as it is."""
    arn = await register(fleet, scope)
    made = await fleet.identity.directory.describe(root_of(scope.account), Kind.ROLE, SERVICE_ROLE)
    await fleet.customer(scope).ask("DeregisterDefaultHostManagementConfiguration")
    again = await register(fleet, scope)
    found = await fleet.identity.directory.describe(root_of(scope.account), Kind.ROLE, SERVICE_ROLE)

    assert role_arn(scope, f"service-role/{SERVICE_ROLE}") == arn == again == made.entity.arn
    assert ["arn:aws:iam::aws:policy/AmazonSSMManagedEC2InstanceDefaultPolicy"] == made.attached
    assert made == found


async def test_another_role_is_replaced_only_when_told_so(fleet: Fleet, scope: Scope) -> None:
    mine, other = role_arn(scope, "Fleet"), role_arn(scope, "Other")
    await register(fleet, scope, RoleArn=mine)
    assert mine == await register(fleet, scope, RoleArn=mine)
    for given in ({"RoleArn": other}, {}):
        with pytest.raises(ValidationException, match=f"{mine} is registered .* Overwrite"):
            await register(fleet, scope, **given)
    directory = fleet.identity.directory
    roles = [role.name for role in (await directory.list(root_of(scope.account), Kind.ROLE)).items]
    assert SERVICE_ROLE not in roles

    assert other == await register(fleet, scope, RoleArn=other, Overwrite=True)
    assert SERVICE_ROLE in await register(fleet, scope, Overwrite=True)


async def test_deregistering_nothing_is_no_mistake(fleet: Fleet, scope: Scope) -> None:
    await fleet.open(scope)

    assert {} == await fleet.customer(scope).ask("DeregisterDefaultHostManagementConfiguration")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"PermissionModel": "SELF_MANAGED"}, "RoleArn is required"),
        ({"PermissionModel": "SERVICE_MANAGED", "RoleArn": "Fleet"}, "RoleArn must not be set"),
        ({"RoleArn": "Machines"}, "missing ssm service principal .*:role/Machines$"),
        ({"RoleArn": "Nobody"}, "Nonexistent role .*:role/Nobody$"),
    ],
)
async def test_what_cannot_be_registered(
    fleet: Fleet, scope: Scope, given: dict[str, Any], message: str
) -> None:
    if "RoleArn" in given:
        given = {**given, "RoleArn": role_arn(scope, given["RoleArn"])}

    with pytest.raises(ValidationException, match=message):
        await register(fleet, scope, **given)


async def test_a_role_of_that_name_that_trusts_somebody_else_is_not_used(
    fleet: Fleet, scope: Scope
) -> None:
    await fleet.open(scope)
    directory = fleet.identity.directory
    await directory.create(root_of(scope.account), Kind.ROLE, SERVICE_ROLE, trust=NO_TRUST)

    with pytest.raises(ValidationException, match="missing ssm service principal"):
        await register(fleet, scope)


@pytest.mark.parametrize(
    ("missing", "given"),
    [
        ("ssm:RegisterDefaultHostManagementConfiguration", {}),
        ("iam:PassRole", {}),
        ("iam:PassRole", {"RoleArn": "Other"}),
        ("iam:CreateRole", {}),
        ("iam:AttachRolePolicy", {}),
    ],
)
async def test_each_permission_is_needed(
    fleet: Fleet, scope: Scope, missing: str, given: dict[str, str]
) -> None:
    given = {name: role_arn(scope, role) for name, role in given.items()}
    needed = {
        "ssm:RegisterDefaultHostManagementConfiguration",
        "iam:PassRole",
        "iam:CreateRole",
        "iam:AttachRolePolicy",
    }

    with pytest.raises(AccessDeniedException, match=missing):
        await register(fleet, scope, allowing(sorted(needed - {missing})), **given)
    directory = fleet.identity.directory
    assert SERVICE_ROLE not in [
        role.name for role in (await directory.list(root_of(scope.account), Kind.ROLE)).items
    ]
    await register(fleet, scope, allowing(sorted(needed)), **given)


async def test_permission_is_asked_on_the_service_setting(fleet: Fleet, scope: Scope) -> None:
    arn = f"arn:aws:ssm:{scope.region}:{scope.account}:{SETTING}"
    action = "ssm:DeregisterDefaultHostManagementConfiguration"

    await fleet.customer(scope, policies=allowing(action, arn)).ask(action.partition(":")[2])

    with pytest.raises(AccessDeniedException, match=arn):
        await fleet.customer(scope, policies=()).ask(action.partition(":")[2])


async def test_a_role_of_another_account_cannot_be_registered(
    fleet: Fleet, scope: Scope, other_scope: Scope
) -> None:
    with pytest.raises(AccessDeniedException, match="Cross-account"):
        await register(fleet, scope, RoleArn=role_arn(other_scope, "Fleet"))


async def test_the_default_role_is_a_service_setting_as_well(fleet: Fleet, scope: Scope) -> None:
    await fleet.open(scope)
    customer = fleet.customer(scope)
    setting = {"SettingId": "/ssm/managed-instance/default-ec2-instance-management-role"}

    async def value() -> str:
        return str(
            (await customer.ask("GetServiceSetting", **setting))["ServiceSetting"]["SettingValue"]
        )

    assert "$None" == await value()
    await register(fleet, scope, RoleArn=role_arn(scope, "Other"))
    assert "Other" == await value()
    await customer.ask("UpdateServiceSetting", SettingValue="Fleet", **setting)
    assert "Fleet" == await value()
    with pytest.raises(ValidationException):
        await customer.ask("UpdateServiceSetting", SettingValue="Nobody", **setting)
    clerk = fleet.customer(scope, policies=allowing(["ssm:*"]))
    with pytest.raises(AccessDeniedException, match="iam:PassRole"):
        await clerk.ask("UpdateServiceSetting", SettingValue="Other", **setting)
    await customer.ask("ResetServiceSetting", **setting)
    assert "$None" == await value()
