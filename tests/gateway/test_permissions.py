"""No operation forgets to ask: whoever has no permission is refused by every one of them."""

import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ostler.foundation.call import Call
from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.ids import NodeId
from ostler.foundation.storage import Scope
from ostler.server.compose import House, compose
from ostler.server.settings import Settings
from ostler.wire import models
from tests.support.calls import a_call
from tools import docs

INPUTS = tomllib.loads((Path(__file__).parents[1] / "cases/gateway/inputs.toml").read_text())
UNSIGNED = {
    ("ssm", "RegisterManagedInstance"),
    ("sts", "AssumeRoleWithSAML"),
    ("sts", "AssumeRoleWithWebIdentity"),
    ("sts", "GetWebIdentityProvider"),
    ("sts", "ListRolesForWebIdentity"),
    ("sns", "ConfirmSubscription"),
}
ANYBODY = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")}
"""What AWS lets everybody do who proved who they are: it is about themselves."""
ANSWERED = sorted(docs.answered().keys() - UNSIGNED)


@asynccontextmanager
async def a_house(folder: Path) -> AsyncIterator[House]:
    house = await compose(Settings(data=folder))
    try:
        yield house
    finally:
        house.storage.close()


def test_unsigned_operations_are_exactly_these() -> None:
    unsigned = {
        (service, name)
        for service in models.SERVICES
        for name in models.model(service).operation_names
        if models.auth_kind(models.operation(service, name)) == "none"
    }

    assert UNSIGNED == unsigned


def test_every_answered_operation_has_an_input_here() -> None:
    listed = {(service, name) for service, names in INPUTS.items() for name in names}

    assert set(ANSWERED) == listed


async def test_who_may_nothing_is_refused_everywhere(tmp_path: Path, clock, scope: Scope) -> None:
    async with a_house(tmp_path) as house:
        admitted = [
            f"{service} {name}"
            for service, name in ANSWERED
            if (service, name) not in ANYBODY
            and not await refused(
                house, a_call(f"{service}:{name}", scope, clock, policies=()), service, name
            )
        ]

    assert [] == admitted


async def test_a_node_may_nothing_for_another(tmp_path: Path, clock, scope: Scope) -> None:
    """Every permission in the world does not let a node speak for another one."""
    of_nodes = [
        ("ssm", "UpdateInstanceInformation"),
        ("ssm", "PutComplianceItems"),
        ("ssm", "ListInstanceAssociations"),
        ("ssm", "UpdateInstanceAssociationStatus"),
        ("ssm", "PutInventory"),
        ("ec2messages", "GetMessages"),
        ("ec2messages", "SendReply"),
        ("ec2messages", "AcknowledgeMessage"),
    ]
    async with a_house(tmp_path) as house:
        admitted = [
            f"{service} {name}"
            for service, name in of_nodes
            if not await refused(
                house,
                a_call(f"{service}:{name}", scope, clock, node=NodeId("mi-0ffffffffffffffff")),
                service,
                name,
            )
        ]

    assert [] == admitted


async def refused(house: House, call: Call, service: str, name: str) -> bool:
    try:
        await house.gateway.invoke(call, service, name, INPUTS[service][name])
    except AccessDeniedException:
        return True
    return False
