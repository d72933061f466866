"""The types of parameters, and their tiers."""

from collections.abc import Sequence
from enum import StrEnum


class Kind(StrEnum):
    """What AWS calls a parameter's type."""

    STRING = "String"
    LIST = "StringList"
    SECURE = "SecureString"


class Tier(StrEnum):
    """How large a parameter may be and what it may have; the last is a wish, not a tier."""

    STANDARD = "Standard"
    ADVANCED = "Advanced"
    INTELLIGENT = "Intelligent-Tiering"


def items(kind: Kind, value: str) -> Sequence[str]:
    """What rules about values are about: of a list, each of its items."""
    return value.split(",") if kind is Kind.LIST else [value]
