"""Explaining: which statement of which policy decides, and who may do something."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ostler.capabilities.identity.errors import (
    InvalidInput,
    MalformedPolicyDocument,
    NoSuchEntity,
)
from ostler.capabilities.identity.model.entities import (
    Binding,
    Bindings,
    Kind,
    account_in,
    entity_arn,
    name_in,
)
from ostler.capabilities.identity.service.ledger import Ledger, checked_policy
from ostler.capabilities.identity.service.sessions import compiled, tags_of
from ostler.capabilities.identity.store import entities, policies
from ostler.foundation.call import Call, Caller
from ostler.foundation.ids import AccountId
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.policy import Kind as PolicyKind
from ostler.foundation.policy import Policy, Question, decide
from ostler.foundation.storage import Transaction

EXAMINING = "iam:SimulatePrincipalPolicy"
"""Whoever may have decisions about somebody simulated may have them explained."""

_INLINE_SIZE = 10_240
Context = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Reason:
    """What one layer of somebody's policies says.

    `policy` is the one that decided and `sid` the name of its statement, or the statement's
    number; without them nothing in the layer speaks of the question.
    """

    layer: str
    allowed: bool
    policy: Binding | None = None
    sid: str = ""

    @property
    def statement(self) -> str:
        """The statement that decided, as JSON; empty when none did."""
        return "" if self.policy is None else _statement(self.policy.document, self.sid)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comes of all layers together: every one has to allow, any one may deny."""

    principal: str
    action: str
    resource: str
    reasons: Sequence[Reason]

    @property
    def allowed(self) -> bool:
        return all(reason.allowed for reason in self.reasons)

    @property
    def denied(self) -> bool:
        """Whether a statement says no, in so many words."""
        return any(not reason.allowed and reason.policy for reason in self.reasons)


class Explaining:
    """Asks the policies of others what they would say."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def explain(
        self, call: Call, principal: str, action: str, resource: str, context: Context
    ) -> Verdict:
        """Whether a user or role (by its ARN) may do this to that, and which statement decides."""
        bindings = await self._bindings(call, principal)
        return await self._verdict(call, bindings, action, resource, context)

    async def simulate(
        self,
        call: Call,
        principal: str,
        actions: Sequence[str],
        resources: Sequence[str],
        context: Context,
        *,
        more: Sequence[str] = (),
        boundary: Sequence[str] | None = None,
    ) -> Sequence[Verdict]:
        """What a user, group or role could do; with further policies, or within a boundary in
        place of their own."""
        bindings = await self._bindings(call, principal)
        bindings = replace(bindings, policies=[*bindings.policies, *_given(more)])
        if boundary is not None:
            bindings = replace(bindings, boundary=_given(boundary))
        return [
            await self._verdict(call, bindings, action, resource, context)
            for action in actions
            for resource in resources
        ]

    async def simulate_policies(
        self,
        call: Call,
        documents: Sequence[str],
        boundary: Sequence[str] | None,
        actions: Sequence[str],
        resources: Sequence[str],
        context: Context,
    ) -> Sequence[Verdict]:
        """What somebody could do who had these policies alone."""
        await call.allow("*")
        layers = {"identity": _given(documents)}
        if boundary is not None:
            layers["boundary"] = _given(boundary)
        return [
            await _weighed(call, "", layers, Question(action, resource, context))
            for action in actions
            for resource in resources
        ]

    async def who_can(
        self, call: Call, action: str, resource: str, context: Context, page: PageRequest
    ) -> Page[Verdict]:
        """The users and roles that may do this to that, of a page of all there are."""
        for kind in (Kind.USER, Kind.ROLE):
            await call.allow(entity_arn(kind, call.account, "/", "*"), action=EXAMINING)
        found = await self._ledger.read(lambda tx: _some(tx, call.account, page))
        verdicts = [
            await self._verdict(call, bindings, action, resource, context)
            for bindings in found.items
        ]
        return Page([verdict for verdict in verdicts if verdict.allowed], found.last)

    async def _bindings(self, call: Call, principal: str) -> Bindings:
        """Everything that binds a principal, if the caller may examine them."""
        await call.allow(principal, action=EXAMINING)
        kind = principal.rpartition(":")[2].partition("/")[0]
        if kind not in list(Kind) or account_in(principal) != call.account:
            raise InvalidInput(f"{principal} is no user, group or role of this account.")
        found = await self._ledger.read(
            lambda tx: policies.bindings(tx, call.account, Kind(kind), name_in(principal))
        )
        if found is None or found.entity.arn != principal:
            raise NoSuchEntity(f"The {kind} with name {name_in(principal)} cannot be found.")
        return found

    async def _verdict(
        self, call: Call, bindings: Bindings, action: str, resource: str, context: Context
    ) -> Verdict:
        entity = bindings.entity
        caller = Caller(entity.arn, entity.account, entity.id, tags=tags_of(entity))
        known = {**call.acting_as(caller).standing_context(), **context}
        layers: dict[str, Sequence[Binding]] = {"identity": bindings.policies}
        if bindings.boundary is not None:
            layers["boundary"] = bindings.boundary
        return await _weighed(call, entity.arn, layers, Question(action, resource, known))


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer of somebody's policies, as if it were all that binds them."""

    arn: str
    policies: Sequence[Policy]
    session: Sequence[Policy] | None = None
    boundary: Sequence[Policy] | None = None


async def _weighed(
    call: Call, arn: str, layers: Mapping[str, Sequence[Binding]], question: Question
) -> Verdict:
    reasons = []
    for name, bindings in layers.items():
        # Each is compiled under its number, by which the decision tells which one it was.
        each = [
            compiled(str(number), binding.document, PolicyKind.IDENTITY)
            for number, binding in enumerate(bindings)
        ]
        decision = await decide(
            _Layer(arn, each),
            question,
            lambda: call.resource_tags.of(call.scope, question.resource),
        )
        number, _, sid = decision.statement.partition("/")
        deciding = bindings[int(number)] if decision.statement else None
        reasons.append(Reason(name, decision.allowed, deciding, sid))
    return Verdict(arn, question.action, question.resource, reasons)


def _some(tx: Transaction, account: AccountId, page: PageRequest) -> Page[Bindings]:
    """What binds a page of the account's users, and of its roles after them."""
    kind, after = (Kind(page.after[0]), str(page.after[1])) if page.after else (Kind.USER, "")
    found: list[Bindings] = []
    for each in (Kind.USER, Kind.ROLE):
        if each is Kind.USER and kind is Kind.ROLE:
            continue
        begin = after if each is kind else ""
        left = page.limit + 1 - len(found)
        for entity in entities.entities(tx, account, each, after=begin, limit=left):
            bindings = policies.bindings(tx, account, each, entity.name)
            found += [] if bindings is None else [bindings]
    return Page.cut(
        found, page.limit, lambda each: (str(each.entity.kind), each.entity.name.lower())
    )


def _given(documents: Sequence[str]) -> Sequence[Binding]:
    for document in documents:
        try:
            checked_policy(document, most=_INLINE_SIZE)
        except MalformedPolicyDocument as fault:
            raise InvalidInput(fault.message) from fault
    return [
        Binding(f"PolicyInputList.{number}", document)
        for number, document in enumerate(documents, start=1)
    ]


def _statement(document: str, sid: str) -> str:
    """The statement that is called `sid`, or stands at that number."""
    listed: Any = json.loads(document)["Statement"]
    statements = listed if isinstance(listed, list) else [listed]
    for number, statement in enumerate(statements, start=1):
        if (statement.get("Sid") or str(number)) == sid:
            return json.dumps(statement)
    return ""
