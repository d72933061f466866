"""Fleets for tests: the capability over real storage, with roles that need no identity."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ostler.capabilities import nodes, tags
from ostler.capabilities.nodes import Nodes, TargetGroups
from ostler.capabilities.tags import Tags, TagsByArn
from ostler.foundation.call import Call
from ostler.foundation.capability import Capability, Foundation
from ostler.foundation.clock import ManualClock
from ostler.foundation.events import Told, since
from ostler.foundation.ids import Ids, NodeId
from ostler.foundation.policy import Policy
from ostler.foundation.storage import Scope
from tests.support.calls import ADMIN, Customer
from tests.support.databases import House


@dataclass(frozen=True, slots=True)
class Issued:
    """Credentials that open nothing."""

    access_key: str
    secret: str
    session_token: str
    expires: datetime


@dataclass
class KnownRoles:
    """Roles by their names; `issued` remembers who got credentials, and how narrowed."""

    clock: ManualClock
    names: set[str] = field(default_factory=lambda: {"Fleet", "Other"})
    issued: list[Mapping[str, Any]] = field(default_factory=list)

    async def role_exists(
        self, scope: Scope, name: str, service_principal: str = "ssm.amazonaws.com"
    ) -> bool:
        return service_principal == "ssm.amazonaws.com" and name in self.names

    async def pass_role(self, call: Call, role_arn: str) -> None:
        await call.allow(role_arn, action="iam:PassRole")

    async def issue(
        self,
        scope: Scope,
        role: str,
        session_name: str,
        duration: timedelta,
        session_policy: Mapping[str, Any] | None = None,
        node: NodeId | None = None,
    ) -> Issued:
        self.issued.append({"role": role, "node": node, "policy": session_policy})
        return Issued("ASIA1", "secret", "token", self.clock.now() + duration)


class Fleet:
    """A house that has nodes and tags and nothing else."""

    def __init__(self, house: House, clock: ManualClock, ids: Ids, foundation: Foundation) -> None:
        self.house = house
        self.clock = clock
        self.ids = ids
        self.roles = KnownRoles(clock)
        self.tagging = tags.build(foundation)
        self.tags: Tags = self.tagging.service
        self._foundation = foundation
        self.capability = self._built()
        self.nodes: Nodes = self.capability.service
        self.tags.serve(self.capability.taggables)

    def customer(
        self, scope: Scope, *, policies: Sequence[Policy] = ADMIN, node: NodeId | None = None
    ) -> Customer:
        """Somebody of the account; or one of its nodes."""
        return Customer(
            [*self.capability.operations, *self.tagging.operations],
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

    async def activation(self, scope: Scope, **given: Any) -> Mapping[str, Any]:
        """A new activation, with room for many."""
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
            roles=self.roles,
            groups=groups,
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
