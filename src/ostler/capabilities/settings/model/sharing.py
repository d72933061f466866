"""Sharing: policies of resources that let other accounts in."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from ostler.capabilities.settings.errors import (
    MalformedResourcePolicyDocumentException,
    ResourcePolicyInvalidParameterException,
    ResourcePolicyLimitExceededException,
)
from ostler.foundation.policy import Kind, Policy, PolicyFault, Statement

GROUP = "opsitemgroup"
PARAMETER = "parameter"
LARGEST = 1024
"""Bytes of a policy, as AWS has it."""

_ACCOUNT = re.compile(r"(?:arn:aws:(?:iam|sts)::)?(\d{12})(?::.*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shared:
    """A resource that may be shared: the word in its ARN, and its id after that word."""

    kind: str
    id: str
    arn: str


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """A policy of a resource; its hash changes with every word of it."""

    id: str
    arn: str
    document: str = field(repr=False)

    @property
    def hash(self) -> str:
        return sha256(f"{self.id}:{self.document}".encode()).hexdigest()


def shared(arn: str, own: str) -> Shared:
    """The resource of that ARN, which has to begin with `own`: the account's and the region's."""
    kind, _, id_ = arn.removeprefix(own).partition("/")
    if not arn.startswith(own) or kind not in (GROUP, PARAMETER) or not id_:
        raise ResourcePolicyInvalidParameterException(
            "ResourceArn must be that of a parameter or an OpsItemGroup of this account and "
            "Region.",
            ParameterNames=["ResourceArn"],
        )
    return Shared(kind, id_, arn)


def read_policy(resource: Shared, document: str) -> Policy:
    """The policy, if the resource may have it."""
    if len(document.encode()) > LARGEST:
        raise ResourcePolicyLimitExceededException(
            f"A policy has at most {LARGEST} bytes.", Limit=LARGEST, LimitType="POLICY_SIZE"
        )
    try:
        policy = Policy.parse(document, name=resource.arn, kind=Kind.RESOURCE)
    except PolicyFault as fault:
        raise MalformedResourcePolicyDocumentException(str(fault)) from fault
    if any(_is_for_everybody(statement) for statement in policy.allows):
        raise MalformedResourcePolicyDocumentException(
            "A resource is shared with accounts that are named; the policy lets everybody in."
        )
    return policy


def grantees(policy: Policy) -> Collection[str]:
    """The accounts that the policy lets in, wholly or in part."""
    names = {name for each in policy.allows for name in each.principals.get("AWS", ())}
    return sorted({found[1] for name in names if (found := _ACCOUNT.fullmatch(name))})


def together(policies: Sequence[Policy]) -> Policy | None:
    """Several policies of a resource as one."""
    if not policies:
        return None
    denies = [statement for policy in policies for statement in policy.denies]
    allows = [statement for policy in policies for statement in policy.allows]
    return Policy(policies[0].name, "", denies, allows)


def _is_for_everybody(statement: Statement) -> bool:
    named = statement.principals.values()
    return statement.not_principals is not None or any("*" in names for names in named)
