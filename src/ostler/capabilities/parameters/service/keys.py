"""Keys: what secure strings are sealed under."""

from typing import Protocol

from ostler.capabilities.parameters.errors import InvalidKeyId
from ostler.capabilities.parameters.model.parameters import DEFAULT_KEY, Reading, Version
from ostler.foundation.call import Call
from ostler.foundation.secrets import SealBroken, Sealed, Secrets
from ostler.foundation.storage import Scope


class Seal(Protocol):
    """A key at hand: it seals without waiting, so that it can be used inside a transaction."""

    def close(self, plain: bytes, context: str) -> Sealed: ...


class Keys(Protocol):
    """Seals and opens under keys that callers name by alias, ARN or id."""

    async def seal(self, call: Call, key_id: str) -> Seal:
        """The key at hand; InvalidKeyId where there is none of that name."""
        ...

    async def open(self, call: Call, key_id: str, sealed: Sealed, context: str) -> bytes:
        """What was sealed under the key for the same context."""
        ...


class HouseKey:
    """The key that every account has, `alias/aws/ssm`: the house's own secrets."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def seal(self, call: Call, key_id: str) -> Seal:
        _expect_default(call, key_id)
        return _HouseSeal(self._secrets)

    async def open(self, call: Call, key_id: str, sealed: Sealed, context: str) -> bytes:
        _expect_default(call, key_id)
        try:
            return self._secrets.open(sealed, context)
        except SealBroken as fault:
            raise InvalidKeyId(
                f"The value cannot be opened with {key_id}: {fault}. Has the file of master keys "
                "been lost or replaced?"
            ) from fault


class _HouseSeal:
    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def close(self, plain: bytes, context: str) -> Sealed:
        return self._secrets.seal(plain, context)


def context_of(scope: Scope, version: Version | Reading, key_id: str) -> str:
    """What a secret is bound to: moved to another parameter or version, it does not open."""
    return (
        f"arn:aws:ssm:{scope.region}:{scope.account}:parameter/{version.key}"
        f":{version.number}:{key_id}"
    )


def _expect_default(call: Call, key_id: str) -> None:
    prefix = f"arn:aws:kms:{call.region}:{call.account}:"
    if key_id.removeprefix(prefix) == DEFAULT_KEY:
        return
    # AWS's words (binxio/aws-ssm-copy#10); it has other ones for an alias.
    told = (
        "Service: AWSKMS; Status Code: 400; Error Code: NotFoundException; "
        f"Request ID: {call.request_id}; Proxy: null"
    )
    is_arn = key_id.startswith("arn:")
    if key_id.removeprefix(prefix).startswith("alias/"):
        alias = key_id if is_arn else f"{prefix}{key_id}"
        raise InvalidKeyId(f"Alias {alias} is not found. ({told})")
    arn = key_id if is_arn else f"{prefix}key/{key_id}"
    raise InvalidKeyId(f"Key '{arn}' does not exist ({told})")
