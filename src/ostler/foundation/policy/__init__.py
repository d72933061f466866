"""Policies: IAM-shaped statements that allow or deny, and the decision they come to."""

from ostler.foundation.policy.decision import (
    Bound,
    Decision,
    Grant,
    Question,
    decide,
    granted,
    trusts,
)
from ostler.foundation.policy.document import Kind, Policy, Statement
from ostler.foundation.policy.faults import PolicyFault

__all__ = [
    "Bound",
    "Decision",
    "Grant",
    "Kind",
    "Policy",
    "PolicyFault",
    "Question",
    "Statement",
    "decide",
    "granted",
    "trusts",
]
