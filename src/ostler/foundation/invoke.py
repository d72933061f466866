"""Acting as a customer: one capability calls another's operation on a user's behalf."""

from collections.abc import Mapping
from typing import Any, Protocol

from ostler.foundation.call import Call


class Invoke(Protocol):
    """Calls an operation as `call`'s caller: validated, authorised and audited like any other."""

    async def __call__(
        self, call: Call, service: str, operation: str, given: Mapping[str, Any]
    ) -> Mapping[str, Any]: ...
