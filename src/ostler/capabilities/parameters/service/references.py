"""References: parameters' names that lead to secrets kept by somebody else."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ostler.capabilities.parameters.errors import ParameterNotFound
from ostler.capabilities.parameters.model.names import REFERENCES, Name
from ostler.foundation.call import Call
from ostler.foundation.errors import ValidationException


@dataclass(frozen=True, slots=True)
class Referred:
    """A secret that a name led to; `source` is what its keeper said of it, as JSON."""

    arn: str
    modified: datetime
    value: str = field(repr=False)
    source: str = field(repr=False)
    number: int = 0


class References(Protocol):
    """Knows secrets that are kept elsewhere."""

    async def find(self, call: Call, secret: str, selector: str) -> Referred | None:
        """The secret of that name, in the version that `selector` names if it is not empty."""
        ...


class NoReferences:
    """A house whose names lead nowhere else."""

    async def find(self, call: Call, secret: str, selector: str) -> Referred | None:
        return None


async def refer(references: References, call: Call, name: Name, decrypt: bool) -> Referred:
    """The secret that the name leads to; the texts are AWS's, prefix and all."""
    if not decrypt:
        raise ValidationException(
            "WithDecryption flag must be True for retrieving a Secret Manager secret."
        )
    secret = name.spelling.removeprefix(REFERENCES)
    found = await references.find(call, secret, name.selector)
    if found is None:
        raise ParameterNotFound(
            "An error occurred (ParameterNotFound) when referencing Secrets Manager: "
            f"Secret {name.spelling} not found."
        )
    return found
