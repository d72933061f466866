"""Nodes: the machines of the fleet, what they say of themselves and when they were last heard."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ostler.capabilities.nodes.errors import InvalidInstanceInformationValue
from ostler.foundation.ids import AccountId, ActivationId, Ids, NodeId, Region

SILENCE = timedelta(minutes=11)
"""After so long without a word a node counts as lost: two of its heartbeats and a minute."""

RESOURCE_TYPE = "ManagedInstance"
SOURCE_TYPE = "AWS::SSM::ManagedInstance"

_VERSION = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){2,3}")
_NUMBER = re.compile(r"[0-9]+")
_ORDER_GROUPS = 6
_ORDER_DIGITS = 10


class PingStatus(StrEnum):
    """Whether a node was heard lately: an inference, not the state of a socket."""

    ONLINE = "Online"
    CONNECTION_LOST = "ConnectionLost"


class PlatformType(StrEnum):
    """The families of operating systems an agent runs on."""

    WINDOWS = "Windows"
    LINUX = "Linux"
    MACOS = "MacOS"


@dataclass(frozen=True, slots=True)
class Facts:
    """What an agent says of itself and its machine; empty where it has not said."""

    agent_name: str = ""
    agent_status: str = ""
    agent_version: str = ""
    platform_type: str = ""
    platform_name: str = ""
    platform_version: str = ""
    computer_name: str = ""
    ip_address: str = ""
    availability_zone: str = ""
    availability_zone_id: str = ""
    channel: str = ""

    def told(self, heard: Mapping[str, str]) -> "Facts":
        """What is known once `heard` is: a fact left unsaid stays as it was.

        Agents begin with an empty ping that names little more than their version.
        """
        return replace(self, **heard)

    def is_as_new_as(self, agent_version: str) -> bool:
        """Whether the node's agent is of that version or a later one."""
        return version_order(self.agent_version) >= version_order(agent_version)


_LONGEST = {
    "agent_name": 255,
    "agent_status": 50,
    "agent_version": 27,
    "platform_name": 120,
    "platform_version": 120,
    "computer_name": 255,
    "ip_address": 46,
    "availability_zone": 120,
    "availability_zone_id": 50,
    "channel": 50,
}
FACTS = tuple(fact.name for fact in fields(Facts))


def credible(heard: Mapping[str, str]) -> Mapping[str, str]:
    """What was heard, if it can be; a node's answers are shown to people and to other programs."""
    for fact, longest in _LONGEST.items():
        if len(heard.get(fact, "")) > longest:
            raise InvalidInstanceInformationValue(
                f"The {fact.replace('_', ' ')} is longer than {longest} characters."
            )
    version = heard.get("agent_version")
    if version is not None and not _VERSION.fullmatch(version):
        raise InvalidInstanceInformationValue(f"{version} is not the version of an agent.")
    platform = heard.get("platform_type")
    if platform is not None and platform not in set(PlatformType):
        raise InvalidInstanceInformationValue(f"{platform} is not a type of platform.")
    return heard


@dataclass(frozen=True, slots=True)
class Node:
    """A registered machine."""

    id: NodeId
    account: AccountId
    region: Region
    role: str
    registered: datetime
    activation: ActivationId | None = None
    name: str = ""
    facts: Facts = field(default_factory=Facts)
    heard: datetime | None = None
    connected: bool = False

    @property
    def arn(self) -> str:
        return f"arn:aws:ssm:{self.region}:{self.account}:managed-instance/{self.id}"

    @property
    def platform_type(self) -> PlatformType | None:
        """None until the agent's first heartbeat."""
        return PlatformType(self.facts.platform_type) if self.facts.platform_type else None

    def ping_status(self, at: datetime) -> PingStatus:
        """Online as long as it was heard within the margin."""
        if self.heard is not None and at - self.heard < SILENCE:
            return PingStatus.ONLINE
        return PingStatus.CONNECTION_LOST

    def instance_status(self, at: datetime) -> str:
        """The same in the words that inventories use."""
        return "Active" if self.ping_status(at) is PingStatus.ONLINE else "ConnectionLost"


def new_node_id(ids: Ids) -> NodeId:
    """`mi-` and 17 hexadecimal digits."""
    return NodeId(f"mi-{ids.hex(17)}")


def version_order(version: str) -> str:
    """A text of digits that sorts as versions do, under every database's collation."""
    numbers = _NUMBER.findall(version)[:_ORDER_GROUPS]
    padded = [number[:_ORDER_DIGITS].zfill(_ORDER_DIGITS) for number in numbers]
    padded += ["0" * _ORDER_DIGITS] * (_ORDER_GROUPS - len(padded))
    return "".join(padded)
