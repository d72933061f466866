"""Fleets for tests: the capability over real storage, with roles that need no identity."""

import base64
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ostler.capabilities import nodes, settings, tags
from ostler.capabilities.identity import Identity, Kind
from ostler.capabilities.nodes import Nodes, TargetGroups
from ostler.capabilities.tags import Tags, TagsByArn
from ostler.foundation.capability import Capability, Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.events import Told, since
from ostler.foundation.ids import Ids, NodeId
from ostler.foundation.policy import Policy
from ostler.foundation.storage import Scope
from tests.support.calls import ADMIN, Customer, root_of
from tests.support.databases import ENGINES, House

on_both_engines = pytest.mark.parametrize("engine", ENGINES)

TRUST = """{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
    "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}}"""
NO_TRUST = TRUST.replace("ssm.amazonaws.com", "ec2.amazonaws.com")


class Fleet:
    """A house that has nodes, and what they stand on: tags and identity."""

    def __init__(
        self,
        house: House,
        clock: ManualClock,
        ids: Ids,
        foundation: Foundation,
        *,
        associations: Any = None,
    ) -> None:
        self.house = house
        self.clock = clock
        self.ids = ids
        self.identity = Identity(house.storage, clock, ids, foundation.secrets)
        self._open: set[str] = set()
        self.tagging = tags.build(foundation)
        self.tags: Tags = self.tagging.service
        self._foundation = foundation
        self._associations = associations
        self.settings = settings.build(foundation)
        self.capability = self._built()
        self.nodes: Nodes = self.capability.service
        self.tags.serve(self.capability.taggables)

    def customer(
        self, scope: Scope, *, policies: Sequence[Policy] = ADMIN, node: NodeId | None = None
    ) -> Customer:
        """Somebody of the account; or one of its nodes."""
        return Customer(
            [
                *self.capability.operations,
                *self.tagging.operations,
                *self.settings.operations,
            ],
            scope,
            self.clock,
            policies=policies,
            node=node,
            resource_tags=TagsByArn(self.house.storage, self.tags),
        )

    def with_groups(self, groups: TargetGroups) -> Nodes:
        """The same nodes for who knows resource groups."""
        found: Nodes = self._built(groups).service
        return found

    async def open(self, scope: Scope) -> None:
        """See to it that the account exists, with a few roles."""
        if scope.account in self._open:
            return
        self._open.add(scope.account)
        directory = self.identity.directory
        await directory.accounts.create(account=scope.account)
        for name, trust in (("Fleet", TRUST), ("Other", TRUST), ("Machines", NO_TRUST)):
            await directory.create(root_of(scope.account), Kind.ROLE, name, trust=trust)

    async def activation(self, scope: Scope, **given: Any) -> Mapping[str, Any]:
        """A new activation, with room for many."""
        await self.open(scope)
        given = {"IamRole": "Fleet", "RegistrationLimit": 100, **given}
        return await self.customer(scope).ask("CreateActivation", **given)

    async def node(self, scope: Scope, number: int = 0, **given: Any) -> NodeId:
        """A newly registered node whose key is that of the number; `given` is its activation's."""
        permit = await self.activation(scope, **given)
        answer = await self.customer(scope).ask(
            "RegisterManagedInstance", **application(permit, number)
        )
        return NodeId(answer["InstanceId"])

    async def beat(self, scope: Scope, node: NodeId, **facts: str) -> None:
        """A heartbeat of the node."""
        await self.customer(scope, node=node).ask(
            "UpdateInstanceInformation", InstanceId=node, **{**FACTS, **facts}
        )

    async def told(self, scope: Scope) -> list[Told]:
        """The events of the scope."""
        return await self.house.storage.read(scope, lambda tx: since(tx, 0))

    def _built(self, groups: TargetGroups | None = None) -> Capability:
        return nodes.build(
            self._foundation,
            tags=self.tags,
            settings=self.settings.service.settings,
            roles=self.identity,
            groups=groups,
            associations=self._associations,
            latest_agents={"amazon-ssm-agent": "3.3.1142.0"},
        )


FACTS = {
    "AgentName": "amazon-ssm-agent",
    "AgentVersion": "3.3.859.0",
    "AgentStatus": "Active",
    "ComputerName": "web.example",
    "IPAddress": "192.0.2.1",
    "PlatformName": "Debian GNU/Linux",
    "PlatformType": "Linux",
    "PlatformVersion": "12",
    "AvailabilityZone": "",
    "SSMConnectionChannel": "ssmmessages",
}


def application(
    permit: Mapping[str, Any], number: int = 0, fingerprint: str = ""
) -> dict[str, Any]:
    """What a machine sends to register; the number tells machines and their keys apart."""
    return {
        "ActivationId": permit["ActivationId"],
        "ActivationCode": permit["ActivationCode"],
        "PublicKey": public_key(number),
        "PublicKeyType": "Rsa",
        "Fingerprint": fingerprint or f"machine {number}",
    }


@cache
def public_key(number: int) -> str:
    """A key of its own for every number."""
    key = rsa.generate_private_key(65537, 2048).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()
