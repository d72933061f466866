"""Inventory: what nodes are and have, by type, as they last told it."""

from ostler.capabilities.inventory.capability import build

__all__ = ["build"]
