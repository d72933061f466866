"""Resource data syncs: where copies of the inventory go, or what other accounts' data come in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from ostler.capabilities.inventory.errors import ResourceDataSyncInvalidConfigurationException
from ostler.foundation.ids import AccountId, Region

MOST_SYNCS = 5
"""Of each direction, as AWS allows."""


class Direction(StrEnum):
    """Whether data go out into a bucket, or come in from accounts and regions."""

    OUT = "SyncToDestination"
    IN = "SyncFromSource"


class SyncStatus(StrEnum):
    """How the last copy went."""

    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    IN_PROGRESS = "InProgress"


@dataclass(frozen=True, slots=True)
class Destination:
    """The bucket, and where in it the copies begin."""

    bucket: str
    region: str
    prefix: str = ""
    key_arn: str = ""
    sharing: str = ""

    def key(self, account: AccountId, region: Region, type_name: str, node: str) -> str:
        """The object that has a node's entries of a type, in AWS's layout.

        AWS, Systems Manager user guide, "Walkthrough: Use resource data sync to aggregate
        inventory data".
        """
        start = f"{self.prefix}/" if self.prefix else ""
        return (
            f"{start}{type_name}/accountid={account}/region={region}/"
            f"resourcetype=ManagedInstanceInventory/{node}.json"
        )


@dataclass(frozen=True, slots=True)
class Sync:
    """A sync as it is kept; `source` is what the caller said of where data come from."""

    name: str
    direction: Direction
    created: datetime
    modified: datetime
    destination: Destination | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    status: SyncStatus | None = None
    message: str = ""
    tried: datetime | None = None
    succeeded: datetime | None = None


def direction_of(text: str | None) -> Direction:
    """The direction that a request names; out, if it names none."""
    try:
        return Direction(text or Direction.OUT)
    except ValueError:
        raise ResourceDataSyncInvalidConfigurationException(
            f"{text} is not a type of sync: it is {Direction.OUT} or {Direction.IN}."
        ) from None


def check_sync(
    direction: Direction, destination: Destination | None, source: Mapping[str, Any]
) -> None:
    """Refuse a sync that has not what its direction needs, or what it cannot have."""
    if direction is Direction.OUT and (destination is None or source):
        raise ResourceDataSyncInvalidConfigurationException(
            f"A sync of type {Direction.OUT} needs an S3Destination, and has no SyncSource."
        )
    if direction is Direction.IN and (destination is not None or not source):
        raise ResourceDataSyncInvalidConfigurationException(
            f"A sync of type {Direction.IN} needs a SyncSource, and has no S3Destination."
        )
