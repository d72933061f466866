"""The AWS API of inventory."""

from ostler.capabilities.inventory.operations.items import ItemOperations
from ostler.capabilities.inventory.operations.syncs import SyncOperations

__all__ = ["ItemOperations", "SyncOperations"]
