"""One call: who asks, in which scope, under which request id, and whether they may."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from ostler.foundation.errors import AccessDeniedException
from ostler.foundation.ids import AccountId, NodeId, Region
from ostler.foundation.paging import Page, PageRequest, PageTokens, question_of
from ostler.foundation.policy import Decision, Grant, Policy, Question, decide, granted
from ostler.foundation.storage import Scope
from ostler.wire.http import Request

T = TypeVar("T")
Tags = Mapping[str, str]

ANONYMOUS = "anonymous"
"""The ARN of whoever proved nothing: those who register, for one."""

MOST_REMEMBERED = 50
"""So many of the resources that a call asks for are kept for its audit record."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated identity and the policies that bind it.

    `policies` grant and deny; `session` (of an assumed role or a node) may only narrow:
    where it is not None, a deed must be allowed by both.
    """

    arn: str
    account: AccountId
    user_id: str
    policies: Sequence[Policy] = ()
    session: Sequence[Policy] | None = None
    boundary: Sequence[Policy] | None = None
    tags: Tags = field(default_factory=dict)
    node: NodeId | None = None
    access_key: str = ""


def context_of(request: Request) -> dict[str, list[str]]:
    """What policies may ask about the way that a request came."""
    context = {"aws:SecureTransport": ["true" if request.secure else "false"]}
    if request.peer:
        context["aws:SourceIp"] = [request.peer]
    if agent := request.headers.get("user-agent"):
        context["aws:UserAgent"] = [agent]
    return context


class ResourceTags(Protocol):
    """Knows the tags of a resource, so that policies may be conditioned on them."""

    async def of(self, scope: Scope, arn: str) -> Tags: ...


class NoTags:
    """A house without tags."""

    async def of(self, scope: Scope, arn: str) -> Tags:
        return {}


@dataclass(slots=True)
class Call:
    """What a service verb knows about the one who calls it.

    `asked` turns true at the first question for permission; the gateway refuses to send an
    answer for a call that never asked. `asked_for` collects the resources in question.
    `endpoint` is the URL by which the caller reached this server ("https://host:8443"), for
    answers that hold links; it is empty where nobody knows.
    """

    scope: Scope
    caller: Caller
    request_id: str
    action: str
    at: datetime
    resource_tags: ResourceTags = field(default_factory=NoTags)
    context: Mapping[str, Sequence[str]] = field(default_factory=dict)
    page_tokens: PageTokens = field(default_factory=lambda: PageTokens(b"one process only"))
    endpoint: str = ""
    asked: bool = False
    asked_for: list[str] = field(default_factory=list)
    _question: str = ""

    @property
    def account(self) -> AccountId:
        return self.scope.account

    @property
    def region(self) -> Region:
        return self.scope.region

    def arn(self, kind: str, name: str, *, service: str = "ssm") -> str:
        """The ARN of a resource of this call's account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{kind}/{name.removeprefix('/')}"

    async def allow(
        self,
        *arns: str,
        action: str = "",
        context: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Raise AccessDeniedException unless the caller may do `action` to every one of `arns`.

        Without `arns` the resource is the account's whole service (`arn:…:*`), which is what AWS
        names in its text for list operations. `action` is by default the call's own; `context`
        adds condition keys to those of the call.
        """
        self.asked = True
        action = action or self.action
        service = action.partition(":")[0]
        known = {**self.standing_context(), **self.context, **(context or {})}
        for arn in arns or (f"arn:aws:{service}:{self.region}:{self.account}:*",):
            decision = await self._decide(action, arn, known)
            if not decision.allowed:
                raise self._denied(action, arn, decision.because)

    async def allow_where(
        self,
        policy: Policy | None,
        arn: str,
        *,
        owner: AccountId,
        action: str = "",
        context: Mapping[str, Sequence[str]] | None = None,
        sovereign: bool = False,
    ) -> None:
        """The same for a resource of `owner` that may have a policy of its own.

        The caller's policies and the resource's may each deny. Between accounts both have to
        allow; within one, either. But a `sovereign` resource, as keys are, is closed to its own
        account as well until its policy opens it: to the caller, or to the account, whose
        policies decide then.
        """
        self.asked = True
        action = action or self.action
        known = {**self.standing_context(), **self.context, **(context or {})}
        own = await self._decide(action, arn, known)
        said = granted(
            policy,
            Question(action, arn, known),
            arn=self.caller.arn,
            account=self.caller.account,
        )
        if said is Grant.DENIED:
            raise self._denied(action, arn, "with an explicit deny in a resource-based policy")
        if not own.allowed and own.statement:
            raise self._denied(action, arn, own.because)
        at_home = owner == self.caller.account
        if said is Grant.CALLER and at_home:
            return
        if said is Grant.NOTHING and (sovereign or not at_home):
            raise self._denied(
                action, arn, f"because no resource-based policy allows the {action} action"
            )
        if not own.allowed:
            raise self._denied(action, arn, own.because)

    def allow_anybody(self) -> None:
        """Let through whoever proved who they are, as AWS does for what is about themselves."""
        self.asked = True

    async def may(self, arn: str, *, action: str = "") -> bool:
        """Whether `allow` would pass; for lists that show only what the caller may see."""
        self.asked = True
        known = {**self.standing_context(), **self.context}
        return (await self._decide(action or self.action, arn, known)).allowed

    def _denied(self, action: str, arn: str, because: str) -> AccessDeniedException:
        return AccessDeniedException(
            f"User: {self.caller.arn} is not authorized to perform: {action} "
            f"on resource: {arn} {because}"
        )

    async def _decide(
        self, action: str, arn: str, context: Mapping[str, Sequence[str]]
    ) -> Decision:
        if len(self.asked_for) < MOST_REMEMBERED:
            self.asked_for.append(arn)
        question = Question(action=action, resource=arn, context=context)
        return await decide(self.caller, question, lambda: self.resource_tags.of(self.scope, arn))

    def standing_context(self) -> dict[str, Sequence[str]]:
        """What policies may ask about who calls, when and where, whatever the call is for."""
        keys: dict[str, Sequence[str]] = {
            "aws:PrincipalArn": [self.caller.arn],
            "aws:PrincipalAccount": [self.caller.account],
            "aws:userid": [self.caller.user_id],
            "aws:RequestedRegion": [self.region],
            "aws:CurrentTime": [self.at.isoformat()],
            "aws:EpochTime": [str(int(self.at.timestamp()))],
        }
        if self.caller.node is not None:
            keys["ssm:SourceInstanceARN"] = [self.arn("managed-instance", self.caller.node)]
        for key, value in self.caller.tags.items():
            keys[f"aws:PrincipalTag/{key}"] = [value]
        return keys

    def acting_as(self, caller: Caller) -> "Call":
        """The same call, made by somebody else: an assumed role."""
        return replace(self, caller=caller, asked=False, asked_for=[])

    def page_request(
        self,
        given: Mapping[str, Any],
        *,
        default: int,
        most: int,
        limit: str = "MaxResults",
        marker: str = "NextToken",
    ) -> PageRequest:
        """Which page `given` asks for; InvalidNextToken when its token is of another question.

        `limit` and `marker` are what the service calls these members.
        """
        self._question = question_of(given)
        size = min(int(given.get(limit) or default), most)
        sealed = given.get(marker)
        return PageRequest(size, self.page_tokens.open(self._asks(), sealed) if sealed else None)

    def paged(
        self, member: str, page: Page[T], written: Callable[[T], Any], *, marker: str = "NextToken"
    ) -> dict[str, Any]:
        """The wire's page: the items, each written, under `member`, and the next token if any."""
        answer: dict[str, Any] = {member: [written(item) for item in page.items]}
        if page.last is not None:
            answer[marker] = self.page_tokens.seal(self._asks(), page.last)
        return answer

    def _asks(self) -> Sequence[str]:
        return (self.action, self.account, self.region, self._question)
