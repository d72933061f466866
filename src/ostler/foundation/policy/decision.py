"""Decisions: what the policies that bind somebody say to one question."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from ostler.foundation.policy.document import Policy, Statement
from ostler.foundation.policy.patterns import Context

Tags = Mapping[str, str]


class Bound(Protocol):
    """Somebody whom policies bind; `session` and `boundary` can only narrow."""

    @property
    def arn(self) -> str: ...
    @property
    def policies(self) -> Sequence[Policy]: ...
    @property
    def session(self) -> Sequence[Policy] | None: ...
    @property
    def boundary(self) -> Sequence[Policy] | None: ...


@dataclass(frozen=True, slots=True)
class Question:
    """May this be done to that, under these circumstances?"""

    action: str
    resource: str
    context: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer; `because` completes AWS's sentence, `statement` names what decided."""

    allowed: bool
    because: str = ""
    statement: str = ""


async def decide(bound: Bound, question: Question, tags: Callable[[], Awaitable[Tags]]) -> Decision:
    """What `bound` may do; `tags` is awaited only when a statement turns on the resource's tags."""
    try:
        return _decide(bound, _Asked(question, bound.arn))
    except _TagsWanted:
        return _decide(bound, _Asked(question, bound.arn, await tags()))


def trusts(
    policy: Policy, question: Question, names: Mapping[str, Collection[str]], *, arn: str = ""
) -> Decision:
    """What a trust or resource policy says of a principal.

    `names` are the principal's spellings by kind: `{"AWS": [its ARN, its account, …]}` or
    `{"Service": ["ssm.amazonaws.com"]}`.
    """
    asked = _Asked(question, arn, {})
    for statement in policy.denies:
        if _named(statement, names) and asked.is_answered_by(statement):
            return Decision(
                False, "with an explicit deny in a resource-based policy", statement.name
            )
    for statement in policy.allows:
        if _named(statement, names) and asked.is_answered_by(statement):
            return Decision(True, statement=statement.name)
    return Decision(False, f"because no resource-based policy allows the {question.action} action")


class Grant(Enum):
    """What a resource's own policy says of somebody."""

    NOTHING = auto()
    CALLER = auto()
    """It allows them, by their own name or everybody's."""
    ACCOUNT = auto()
    """It allows their account, whose own policies have to say who in it."""
    DENIED = auto()


def granted(policy: Policy | None, question: Question, *, arn: str, account: str) -> Grant:
    """What the policy of a resource grants to the principal `arn` of `account`."""
    if policy is None:
        return Grant.NOTHING
    themselves = {"AWS": [arn, *_role_of(arn, account)]}
    all_names = {"AWS": [*themselves["AWS"], account, f"arn:aws:iam::{account}:root"]}
    everyhow = trusts(policy, question, all_names, arn=arn)
    if not everyhow.allowed:
        return Grant.DENIED if everyhow.statement else Grant.NOTHING
    by_name = trusts(policy, question, themselves, arn=arn)
    return Grant.CALLER if by_name.allowed else Grant.ACCOUNT


def _role_of(arn: str, account: str) -> Sequence[str]:
    """The ARN of the role whose session this is; its path is in no session's ARN."""
    kind, _, name = arn.rpartition(":")[2].partition("/")
    role = name.partition("/")[0]
    return [f"arn:aws:iam::{account}:role/{role}"] if kind == "assumed-role" else []


class _TagsWanted(Exception):
    """The decision turns on the resource's tags, which are not known yet."""


class _Asked:
    """A question, and what is known of it, made ready as far as statements need it."""

    __slots__ = ("_action", "_arn", "_context", "_question", "_tags")

    def __init__(self, question: Question, arn: str, tags: Tags | None = None) -> None:
        self._question = question
        self._action = question.action.lower()
        self._arn = arn
        self._tags = tags
        self._context: Context | None = None

    @property
    def action(self) -> str:
        """As the question spells it."""
        return self._question.action

    def is_answered_by(self, statement: Statement) -> bool:
        if not statement.covers_action(self._action):
            return False
        if not statement.resource_mentions:
            if not statement.covers_resource(self._question.resource, {}):
                return False
        elif not statement.covers_resource(
            self._question.resource, self._known(statement.resource_mentions)
        ):
            return False
        return all(
            condition.holds(self._known(condition.mentions)) for condition in statement.conditions
        )

    def _known(self, mentions: Iterable[str]) -> Context:
        """The context in lower case, with the tags if any of the keys mentioned is one."""
        if self._tags is None and any(":resourcetag/" in key for key in mentions):
            raise _TagsWanted
        if self._context is None:
            self._context = self._gathered()
        return self._context

    def _gathered(self) -> Context:
        known: dict[str, Sequence[str]] = _of_principal(self._arn)
        service = self._action.partition(":")[0]
        for key, value in (self._tags or {}).items():
            for vendor in {"aws", "ssm", service}:
                known[f"{vendor}:resourcetag/{key}".lower()] = [value]
        known.update((key.lower(), values) for key, values in self._question.context.items())
        return known


def _of_principal(arn: str) -> dict[str, Sequence[str]]:
    """What a principal's ARN tells of it."""
    kind, _, name = arn.rpartition(":")[2].partition("/")
    match kind:
        case "user":
            return {
                "aws:principaltype": ["User"],
                "aws:username": [name.rpartition("/")[2]],
            }
        case "assumed-role":
            return {"aws:principaltype": ["AssumedRole"]}
        case "root":
            return {"aws:principaltype": ["Account"]}
    return {}


def _decide(bound: Bound, asked: _Asked) -> Decision:
    """Denied when any layer denies; else allowed when every layer there is allows."""
    granted = _weigh("an identity-based policy", bound.policies, asked)
    if bound.boundary is None and bound.session is None:
        return granted
    decisions = [granted]
    if bound.boundary is not None:
        decisions.append(_weigh("a permissions boundary", bound.boundary, asked))
    if bound.session is not None:
        decisions.append(_weigh("a session policy", bound.session, asked))
    refusals = [decision for decision in decisions if not decision.allowed]
    explicit = [decision for decision in refusals if decision.statement]
    return (explicit or refusals or [granted])[0]


def _weigh(layer: str, policies: Sequence[Policy], asked: _Asked) -> Decision:
    for policy in policies:
        for statement in policy.denies:
            if asked.is_answered_by(statement):
                return Decision(False, f"with an explicit deny in {layer}", statement.name)
    for policy in policies:
        for statement in policy.allows:
            if asked.is_answered_by(statement):
                return Decision(True, statement=statement.name)
    kind = layer.partition(" ")[2]
    return Decision(False, f"because no {kind} allows the {asked.action} action")


def _named(statement: Statement, names: Mapping[str, Collection[str]]) -> bool:
    if statement.not_principals is not None:
        return not _among(statement.not_principals, names)
    return _among(statement.principals, names)


def _among(named: Mapping[str, Collection[str]], names: Mapping[str, Collection[str]]) -> bool:
    return any(
        "*" in named.get(kind, ()) or any(name in named.get(kind, ()) for name in spellings)
        for kind, spellings in names.items()
    )
