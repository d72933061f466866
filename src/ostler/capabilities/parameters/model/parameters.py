"""Parameters: what a version of one is, and what a write makes of the version before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ostler.capabilities.parameters.errors import (
    HierarchyTypeMismatchException,
    ParameterAlreadyExists,
    ParameterLimitExceeded,
    TooManyUpdates,
)
from ostler.capabilities.parameters.model import datatypes
from ostler.capabilities.parameters.model.kinds import Kind, Tier
from ostler.capabilities.parameters.model.names import Name
from ostler.capabilities.parameters.model.policies import Policy
from ostler.foundation.errors import ValidationException
from ostler.foundation.secrets import Sealed

DEFAULT_KEY = "alias/aws/ssm"

_TIERS = (
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/"
    "parameter-store-advanced-parameters.html"
)
_LONGEST_ON_THE_WIRE = 32_768


@dataclass(frozen=True, slots=True)
class Limits:
    """How much there may be: AWS's numbers, unless those who run the server keep more.

    `standard_size` and `advanced_size` are characters of a value, `standard_count` and
    `advanced_count` parameters of an account in a region, `versions` those of one parameter.
    """

    standard_size: int = 4096
    advanced_size: int = 8192
    standard_count: int = 10_000
    advanced_count: int = 100_000
    versions: int = 100

    def size(self, tier: Tier) -> int:
        """The most characters of a value."""
        return self.advanced_size if tier is Tier.ADVANCED else self.standard_size

    def count(self, tier: Tier) -> int:
        """The most parameters."""
        return self.advanced_count if tier is Tier.ADVANCED else self.standard_count


@dataclass(frozen=True, slots=True)
class Terms:
    """What a version says beside its value and its number."""

    name: str
    kind: Kind
    tier: Tier
    data_type: str = datatypes.TEXT
    key_id: str = ""
    description: str = ""
    pattern: str = ""
    policies: tuple[Policy, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a parameter; its value only where the value was asked for."""

    key: str
    number: int
    terms: Terms
    modified: datetime
    author: str
    value: str | Sealed = field(default="", repr=False)
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What readers get of a version: its value, sealed where it is secure, and little more."""

    key: str
    name: str
    number: int
    kind: Kind
    data_type: str
    key_id: str
    modified: datetime
    value: str | Sealed = field(repr=False)


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants written; what is None stays as it is, or as it usually is."""

    name: Name
    value: str = field(repr=False)
    kind: Kind | None = None
    overwrite: bool = False
    tier: Tier | None = None
    data_type: str | None = None
    key_id: str | None = None
    description: str | None = None
    pattern: str | None = None
    policies: tuple[Policy, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    expected: int | None = None
    """The version that the parameter has to be at, 0 where there must be none yet."""


def check_order(order: Order, limits: Limits) -> None:
    """Refuse what no parameter could be, whatever there was before."""
    longest = max(_LONGEST_ON_THE_WIRE, limits.advanced_size)
    if not 1 <= len(order.value) <= longest:
        side, bound = ("greater", 1) if not order.value else ("less", longest)
        raise ValidationException(
            "1 validation error detected: Value at 'value' failed to satisfy constraint: "
            f"Member must have length {side} than or equal to {bound}"
        )
    if any("\0" in text for text in (order.value, order.description or "", order.pattern or "")):
        raise ValidationException("A parameter cannot have the character U+0000 in it.")
    if any("}}" in line.partition("{{")[2] for line in order.value.splitlines()):
        raise ValidationException(
            'Parameter value can\'t nest another parameter. Do not use "{{}}" in the value.'
        )
    if order.tags and order.overwrite:
        raise ValidationException(
            "Invalid request: tags and overwrite can't be used together. To create a parameter "
            "with tags, please remove overwrite flag. To update tags for an existing parameter, "
            "please use AddTagsToResource or RemoveTagsFromResource."
        )
    if order.data_type is not None:
        datatypes.data_type(order.data_type)


def plan(order: Order, before: Version | None, full: Sequence[Tier], limits: Limits) -> Terms:
    """What the next version will say; `full` are the tiers that take no more parameters."""
    _expect_version(order, before)
    if before is None:
        return _planned(order, _first(order), None, full, limits)
    if not order.overwrite:
        raise ParameterAlreadyExists(
            "The parameter already exists. To overwrite this value, set the overwrite option in "
            "the request to true."
        )
    terms = _next(order, before.terms)
    return _planned(order, terms, before.terms.tier, full, limits)


def _expect_version(order: Order, before: Version | None) -> None:
    at = 0 if before is None else before.number
    if order.expected not in (None, at):
        raise TooManyUpdates(
            f"{order.name.given} is at version {at} and not, as expected, at {order.expected}: "
            "somebody else has changed it."
        )


def needs_image_check(terms: Terms) -> bool:
    """Whether AWS looks at the value only after it has answered."""
    return terms.data_type == datatypes.IMAGE


def _first(order: Order) -> Terms:
    if order.kind is None:
        raise ValidationException("A parameter type is required when you create a parameter.")
    return Terms(
        name=order.name.spelling,
        kind=order.kind,
        tier=Tier.STANDARD,
        data_type=order.data_type or datatypes.TEXT,
        key_id=_key(order, order.kind),
        description=order.description or "",
        pattern=order.pattern or "",
        policies=order.policies or (),
    )


def _next(order: Order, before: Terms) -> Terms:
    kind = order.kind or before.kind
    if kind is not before.kind and Kind.LIST in (kind, before.kind):
        # AWS documents that no type can be changed, but changes String to SecureString and back
        # (terraform-provider-aws#10819 has it in its acceptance tests). A list is another matter.
        raise HierarchyTypeMismatchException(
            f"Parameter Store doesn't support changing the type of {before.name} from "
            f"{before.kind} to {kind}. Create a new parameter instead."
        )
    data_type = order.data_type or before.data_type
    datatypes.check_change(before.data_type, data_type)
    policies = before.policies if order.policies is None else order.policies
    return replace(
        before,
        kind=kind,
        data_type=data_type,
        # A write that names no key means the default one, whatever sealed the version before
        # (AWS: aws-devtools-labs/aws-blocks#452).
        key_id=_key(order, kind),
        description=before.description if order.description is None else order.description,
        pattern=before.pattern if order.pattern is None else order.pattern,
        policies=tuple(policy.renewed() for policy in policies),
    )


def _key(order: Order, kind: Kind) -> str:
    return (order.key_id or DEFAULT_KEY) if kind is Kind.SECURE else ""


def _planned(
    order: Order, terms: Terms, before: Tier | None, full: Sequence[Tier], limits: Limits
) -> Terms:
    datatypes.check_value(terms.data_type, terms.kind, order.name.key, order.value)
    tier = _tier(order, terms, before, full, limits)
    if len(order.value) > limits.size(tier):
        raise ValidationException(_too_long(tier, limits))
    if tier is not before and tier in full:
        raise ParameterLimitExceeded(_too_many(tier, limits))
    return replace(terms, tier=tier)


def _tier(
    order: Order, terms: Terms, before: Tier | None, full: Sequence[Tier], limits: Limits
) -> Tier:
    wish = order.tier or before or Tier.STANDARD
    advanced = bool(terms.policies) or datatypes.data_type(terms.data_type).advanced
    if wish is Tier.INTELLIGENT:
        too_long = len(order.value) > limits.standard_size
        no_place = before is None and Tier.STANDARD in full
        rises = advanced or too_long or no_place or before is Tier.ADVANCED
        return Tier.ADVANCED if rises else Tier.STANDARD
    if wish is Tier.STANDARD and before is Tier.ADVANCED:
        raise ValidationException(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter "
            "from the advanced-parameter tier to the standard-parameter tier. If necessary, you "
            "can delete the advanced parameter and recreate it as a standard parameter. Be aware "
            "that standard parameters have a value limit of "
            f"{limits.standard_size} characters."
        )
    if wish is Tier.STANDARD and terms.policies:
        raise ValidationException(
            "You can't assign parameter policies to a standard-parameter tier. To use them, "
            f"upgrade the parameter to the advanced-parameter tier. For more information, see "
            f"{_TIERS}"
        )
    if wish is Tier.STANDARD and advanced:
        raise ValidationException(
            f"The {terms.data_type} data type needs the advanced-parameter tier. For more "
            f"information, see {_TIERS}"
        )
    return wish


def _too_long(tier: Tier, limits: Limits) -> str:
    if tier is Tier.ADVANCED:
        return (
            "Advanced-tier parameters support a maximum parameter value of "
            f"{limits.advanced_size} characters."
        )
    return (
        f"Standard tier parameters support a maximum parameter value of {limits.standard_size} "
        "characters. To create a larger parameter value, upgrade the parameter to use the "
        f"advanced-parameter tier. For more information, see {_TIERS}"
    )


def _too_many(tier: Tier, limits: Limits) -> str:
    if tier is Tier.ADVANCED:
        return (
            "You have reached the maximum number of advanced parameters for this AWS account and "
            f"Region ({limits.advanced_count}). To add more parameters, delete existing ones."
        )
    return (
        "You have reached the maximum number of standard parameters for this AWS account and "
        f"Region ({limits.standard_count}). To add more parameters, either delete existing "
        "parameters or upgrade to the advanced-parameter tier."
    )
