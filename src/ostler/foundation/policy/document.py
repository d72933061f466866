"""Policy documents: JSON read once, checked, and compiled into statements."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ostler.foundation.policy.conditions import Condition, conditions_of
from ostler.foundation.policy.faults import PolicyFault
from ostler.foundation.policy.patterns import (
    Context,
    Parts,
    Test,
    Wild,
    arn_filled,
    arn_test,
    parts_of,
    text_test,
    variables_of,
)

MAX_SIZE = 10_240
"""Characters without white space: what the largest of AWS's kinds of policy may have."""


class Kind(Enum):
    """What a policy is attached to, and so which elements it has."""

    IDENTITY = "identity"
    """To users, groups, roles and sessions: resources, no principal."""
    TRUST = "trust"
    """To a role, saying who may assume it: a principal, no resources."""
    RESOURCE = "resource"
    """To a resource: a principal and resources."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, compiled; `name` tells people which one it is."""

    name: str
    deny: bool
    covers_action: Test
    """Of an action in lower case."""
    covers_resource: Callable[[str, Context], bool]
    resource_mentions: Sequence[str] = ()
    conditions: Sequence[Condition] = ()
    principals: Mapping[str, Collection[str]] = field(default_factory=dict)
    not_principals: Mapping[str, Collection[str]] | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy, compiled; the same document makes equal policies."""

    name: str
    document: str
    denies: Sequence[Statement] = field(compare=False, repr=False)
    allows: Sequence[Statement] = field(compare=False, repr=False)

    @classmethod
    def parse(
        cls,
        document: str | Mapping[str, Any],
        *,
        name: str = "policy",
        kind: Kind = Kind.IDENTITY,
        most: int = MAX_SIZE,
    ) -> "Policy":
        """The policy that `document` describes; PolicyFault says what is wrong with one."""
        text = document if isinstance(document, str) else json.dumps(document)
        if len("".join(text.split())) > most:
            raise PolicyFault(f"The policy is longer than {most} characters without white space.")
        given = _read(text)
        _only(given, {"Version", "Id", "Statement"}, "A policy")
        version = given.get("Version", "2008-10-17")
        if version not in ("2008-10-17", "2012-10-17"):
            raise PolicyFault("Version must be 2012-10-17 or 2008-10-17.")
        if not isinstance(given.get("Id", ""), str):
            raise PolicyFault("Id must be a text.")
        listed = given.get("Statement")
        listed = listed if isinstance(listed, list) else [listed]
        if not listed or not all(isinstance(item, dict) for item in listed):
            raise PolicyFault("Statement must be an object or a list of objects.")
        names = [item.get("Sid") or str(i) for i, item in enumerate(listed, start=1)]
        if not all(isinstance(sid, str) and sid.isascii() and sid.isalnum() for sid in names):
            raise PolicyFault("A Sid has letters and digits only.")
        if len(set(names)) < len(names):
            raise PolicyFault("Statement IDs (SID) in a single policy must be unique.")
        reader = _Reader(kind, variables=version == "2012-10-17")
        statements = [
            reader.statement(item, f"{name}/{sid}") for item, sid in zip(listed, names, strict=True)
        ]
        return cls(
            name,
            text,
            denies=[statement for statement in statements if statement.deny],
            allows=[statement for statement in statements if not statement.deny],
        )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the statements of one policy."""

    kind: Kind
    variables: bool

    def statement(self, given: Mapping[str, Any], name: str) -> Statement:
        _only(given, _ELEMENTS, "A statement")
        effect = given.get("Effect")
        if effect not in ("Allow", "Deny"):
            raise PolicyFault("Effect must be Allow or Deny.")
        principals, not_principals = self._principals(given)
        covers_resource, resource_mentions = self._resources(given)
        return Statement(
            name=name,
            deny=effect == "Deny",
            covers_action=self._actions(given),
            covers_resource=covers_resource,
            resource_mentions=resource_mentions,
            conditions=conditions_of(given.get("Condition", {}), variables=self.variables),
            principals=principals,
            not_principals=not_principals,
        )

    def _actions(self, given: Mapping[str, Any]) -> Test:
        negated, texts = _either(given, "Action", "NotAction")
        if texts is None:
            raise PolicyFault("Policy statement must contain actions.")
        for text in texts:
            vendor, colon, verb = text.partition(":")
            if text != "*" and not (vendor and colon and verb):
                raise PolicyFault(
                    f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2: {text}"
                )
        plain = frozenset(text.lower() for text in texts if "*" not in text and "?" not in text)
        tests = [
            text_test(parts_of(text.lower(), variables=False))
            for text in texts
            if text.lower() not in plain
        ]

        def covers(action: str) -> bool:
            return (action in plain or any(test(action) for test in tests)) != negated

        return covers

    def _resources(
        self, given: Mapping[str, Any]
    ) -> tuple[Callable[[str, Context], bool], Sequence[str]]:
        negated, texts = _either(given, "Resource", "NotResource")
        if self.kind is Kind.TRUST:
            if texts is not None:
                raise PolicyFault("Has prohibited field Resource.")
            return (lambda arn, context: True), ()
        if texts is None:
            raise PolicyFault("Policy statement must contain resources.")
        fixed: list[Test] = []
        varying: list[Parts] = []
        mentions: list[str] = []
        for text in texts:
            parts = parts_of(text, variables=self.variables)
            _check_arn(text, parts)
            if found := variables_of(parts):
                varying.append(parts)
                mentions += found
            else:
                fixed.append(arn_test(parts))

        def covers(arn: str, context: Context) -> bool:
            if any(test(arn) for test in fixed):
                return not negated
            full = (arn_filled(parts, context) for parts in varying)
            return any(parts is not None and arn_test(parts)(arn) for parts in full) != negated

        return covers, mentions

    def _principals(
        self, given: Mapping[str, Any]
    ) -> tuple[Mapping[str, Collection[str]], Mapping[str, Collection[str]] | None]:
        has, has_not = "Principal" in given, "NotPrincipal" in given
        if self.kind is Kind.IDENTITY:
            if has or has_not:
                raise PolicyFault("Policy document should not specify a principal.")
            return {}, None
        if has == has_not:
            raise PolicyFault("A statement must contain either Principal or NotPrincipal.")
        if has_not:
            return {}, _principal(given["NotPrincipal"])
        return _principal(given["Principal"]), None


_ELEMENTS = {
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"),
    *("Resource", "NotResource", "Condition"),
}
_PRINCIPAL_KINDS = {"AWS", "Service", "Federated", "CanonicalUser"}


def _principal(given: object) -> Mapping[str, Collection[str]]:
    if given == "*":
        return {"AWS": ["*"], "Service": ["*"], "Federated": ["*"]}
    if not isinstance(given, dict) or not given or not set(given) <= _PRINCIPAL_KINDS:
        raise PolicyFault("Invalid principal in policy.")
    named = {kind: frozenset(_texts(names, "Principal")) for kind, names in given.items()}
    for name in (name for names in named.values() for name in names):
        if name != "*" and "*" in name:
            raise PolicyFault(f"A principal cannot have wildcards: {name}")
    return named


def _check_arn(text: str, parts: Parts) -> None:
    """A resource is `*` or begins as an ARN; a short one must say by a star what follows."""
    if parts == (Wild.ANY,):
        return
    if not text.startswith("arn:"):
        raise PolicyFault(f'Resource {text} must be in ARN format or "*".')
    if text.count(":") < 5 and parts[-1] is not Wild.ANY:
        raise PolicyFault(f"The resource {text} does not have the six parts of an ARN.")


def _either(given: Mapping[str, Any], name: str, not_name: str) -> tuple[bool, list[str] | None]:
    """The texts of one of two elements that exclude each other, and whether it is the second."""
    if name in given and not_name in given:
        raise PolicyFault(f"A statement cannot contain both {name} and {not_name}.")
    for negated, element in ((False, name), (True, not_name)):
        if element in given:
            return negated, _texts(given[element], element)
    return False, None


def _texts(given: object, where: str) -> list[str]:
    listed = given if isinstance(given, list) else [given]
    texts = [text for text in listed if isinstance(text, str) and text]
    if not texts or len(texts) < len(listed):
        raise PolicyFault(f"{where} must be a text or a list of texts.")
    return texts


def _only(given: Mapping[str, Any], allowed: Collection[str], what: str) -> None:
    if unknown := sorted(set(given) - set(allowed)):
        raise PolicyFault(f"{what} has no element {unknown[0]}.")


def _read(text: str) -> Mapping[str, Any]:
    """The JSON object in `text`; a name given twice is a fault, since one would be lost."""
    try:
        given = json.loads(text, object_pairs_hook=_once)
    except PolicyFault:
        raise
    except (ValueError, RecursionError) as fault:
        raise PolicyFault("The policy is not in valid JSON format.") from fault
    if not isinstance(given, dict):
        raise PolicyFault("The policy must be a JSON object.")
    return given


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise PolicyFault("The policy names an element twice in one object.")
    return found
