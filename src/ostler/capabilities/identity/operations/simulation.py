"""IAM: what policies would say, simulated and explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ostler.capabilities.identity.operations.pages import listed, marked, page_of
from ostler.capabilities.identity.service import Identity
from ostler.capabilities.identity.service.explaining import Reason, Verdict
from ostler.foundation.call import Call
from ostler.foundation.errors import NotYetImplemented

if TYPE_CHECKING:
    from ostler.wire.shapes import iam


class SimulationOperations:
    """Says what policies would say, and why."""

    service = "iam"

    def __init__(self, identity: Identity) -> None:
        self._explaining = identity.explaining

    async def simulate_principal_policy(
        self, call: Call, given: iam.SimulatePrincipalPolicyRequest
    ) -> Any:
        _check_built(given)
        found = await self._explaining.simulate(
            call,
            given["PolicySourceArn"],
            given["ActionNames"],
            given.get("ResourceArns") or ["*"],
            _context_of(given.get("ContextEntries", [])),
            more=given.get("PolicyInputList", []),
            boundary=given.get("PermissionsBoundaryPolicyInputList"),
        )
        return listed(call, given, "EvaluationResults", found, _evaluated)

    async def simulate_custom_policy(
        self, call: Call, given: iam.SimulateCustomPolicyRequest
    ) -> Any:
        _check_built(given)
        found = await self._explaining.simulate_policies(
            call,
            given["PolicyInputList"],
            given.get("PermissionsBoundaryPolicyInputList"),
            given["ActionNames"],
            given.get("ResourceArns") or ["*"],
            _context_of(given.get("ContextEntries", [])),
        )
        return listed(call, given, "EvaluationResults", found, _evaluated)

    async def explain_access(self, call: Call, given: iam.ExplainAccessRequest) -> Any:
        verdict = await self._explaining.explain(
            call,
            given["PrincipalArn"],
            given["ActionName"],
            given.get("ResourceArn", "*"),
            _context_of(given.get("ContextEntries", [])),
        )
        return {
            "Decision": _decision(verdict),
            "Reasons": [_told(reason) for reason in verdict.reasons],
        }

    async def list_principals_with_access(
        self, call: Call, given: iam.ListPrincipalsWithAccessRequest
    ) -> Any:
        found = await self._explaining.who_can(
            call,
            given["ActionName"],
            given.get("ResourceArn", "*"),
            _context_of(given.get("ContextEntries", [])),
            page_of(call, given),
        )
        return marked(call, "Principals", found, _allowed)


def _check_built(given: Mapping[str, Any]) -> None:
    for member in ("ResourcePolicy", "CallerArn", "ResourceOwner", "PolicyExclusionList"):
        if member in given:
            raise NotYetImplemented(f"Simulations with {member} are not built yet.")


def _context_of(entries: Sequence[iam.ContextEntry]) -> dict[str, Sequence[str]]:
    return {
        entry["ContextKeyName"]: entry.get("ContextKeyValues", [])
        for entry in entries
        if "ContextKeyName" in entry
    }


def _decision(verdict: Verdict) -> str:
    if verdict.allowed:
        return "allowed"
    return "explicitDeny" if verdict.denied else "implicitDeny"


def _evaluated(verdict: Verdict) -> iam.EvaluationResult:
    deciding = [reason for reason in verdict.reasons if reason.policy is not None]
    denying = [reason for reason in deciding if not reason.allowed]
    answer: iam.EvaluationResult = {
        "EvalActionName": verdict.action,
        "EvalResourceName": verdict.resource,
        "EvalDecision": _decision(verdict),
        "MatchedStatements": [_source(reason) for reason in denying or deciding],
        "MissingContextValues": [],
    }
    bounds = next((each for each in verdict.reasons if each.layer == "boundary"), None)
    if bounds is not None:
        answer["PermissionsBoundaryDecisionDetail"] = {
            "AllowedByPermissionsBoundary": bounds.allowed
        }
    return answer


def _source(reason: Reason) -> iam.Statement:
    policy = reason.policy
    assert policy is not None
    if policy.arn.startswith("arn:aws:iam::aws:"):
        kind = "aws-managed"
    elif policy.arn:
        kind = "user-managed"
    else:
        kind = policy.holder.partition("/")[0] or "none"
    return {"SourcePolicyId": policy.name, "SourcePolicyType": kind}


def _told(reason: Reason) -> iam.AccessReason:
    answer: iam.AccessReason = {"Layer": reason.layer, "Allowed": reason.allowed}
    if reason.policy is None:
        return answer
    return {
        **answer,
        "PolicyName": reason.policy.name,
        "PolicyArn": reason.policy.arn,
        "Holder": reason.policy.holder,
        "StatementId": reason.sid,
        "Statement": reason.statement,
    }


def _allowed(verdict: Verdict) -> iam.PrincipalWithAccess:
    granting = verdict.reasons[0]
    assert granting.policy is not None
    return {
        "Arn": verdict.principal,
        "PolicyName": granting.policy.name,
        "PolicyArn": granting.policy.arn,
        "Holder": granting.policy.holder,
        "StatementId": granting.sid,
    }
