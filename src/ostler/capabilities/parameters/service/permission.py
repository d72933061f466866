"""Permission, where it is about more than one resource."""

from collections.abc import Mapping, Sequence

from ostler.foundation.call import Call
from ostler.foundation.errors import AccessDeniedException

_EXPLICIT = "with an explicit deny"


async def is_forbidden(call: Call, arn: str, context: Mapping[str, Sequence[str]]) -> bool:
    """Whether a policy denies this in so many words; that none allows it is another matter.

    Whoever may read a path reads what is below it, as in AWS. But what a policy denies stays
    denied, which AWS forgets when it reads recursively.
    """
    if not _anything_denied(call):
        return False
    try:
        await call.allow(arn, context=context)
    except AccessDeniedException as refusal:
        return _EXPLICIT in refusal.message
    return False


def _anything_denied(call: Call) -> bool:
    caller = call.caller
    layers = (caller.policies, caller.session or (), caller.boundary or ())
    return any(policy.denies for layer in layers for policy in layer)
