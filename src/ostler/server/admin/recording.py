"""What the administrator's commands leave in the audit log."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ostler.foundation.audit import SUCCESS, Audit, Witness
from ostler.foundation.call import Call
from ostler.foundation.errors import ApiError

FAILED = "Failed"
"""The outcome of a command that ended in neither success nor a refusal: no such file, say."""


@asynccontextmanager
async def recorded(trail: Audit, call: Call, given: Mapping[str, Any]) -> AsyncIterator[Witness]:
    """Keep a record of what is done meanwhile, with the change that runs the witness."""
    entry = trail.entry(call, given)
    outcome = FAILED
    try:
        yield trail.witness(entry)
        outcome = SUCCESS
    except ApiError as refusal:
        outcome = refusal.code
        raise
    finally:
        trail.record(entry, outcome)
        await trail.write_down()
