"""Sealing: secure strings under the keys that callers name, in AWS's words where it cannot be."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ostler.capabilities.keys import (
    DisabledException,
    InvalidCiphertextException,
    Keys,
    KMSInvalidStateException,
    NotFoundException,
    Seal,
)
from ostler.capabilities.parameters.errors import InvalidKeyId
from ostler.capabilities.parameters.model.kinds import Tier
from ostler.foundation.call import Call
from ostler.foundation.secrets import Sealed

_SERVICE = "ssm"
# AWS documents both: what is short goes through the key itself, what may be long through a key
# that was made for it.
_WRITES = {Tier.STANDARD: "kms:Encrypt", Tier.ADVANCED: "kms:GenerateDataKey"}


class Sealing:
    """Seals and opens values; asks for the keys on behalf of whoever writes or reads them."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def seal(self, call: Call, key_id: str, arn: str, tier: Tier) -> Seal:
        """The key at hand for a value of the parameter `arn`."""
        with _in_ssms_words(call):
            return await self._keys.seal(
                call, key_id, bound_to(arn), action=_WRITES[tier], service=_SERVICE
            )

    async def open(self, call: Call, sealed: Sealed, arn: str) -> str:
        """The value that was sealed for the parameter `arn`."""
        with _in_ssms_words(call):
            opened = await self._keys.open(
                call, sealed.data, bound_to(arn), action="kms:Decrypt", service=_SERVICE
            )
        return opened.plain.decode()


def bound_to(arn: str) -> Mapping[str, str]:
    """What a value is bound to, as AWS has it: another parameter's does not open here."""
    return {"PARAMETER_ARN": arn}


@contextmanager
def _in_ssms_words(call: Call) -> Iterator[None]:
    """Say of a key what SSM says of it: binxio/aws-ssm-copy#10."""
    try:
        yield
    except (DisabledException, KMSInvalidStateException, NotFoundException) as fault:
        raise InvalidKeyId(
            f"{fault.message} (Service: AWSKMS; Status Code: 400; Error Code: {fault.code}; "
            f"Request ID: {call.request_id}; Proxy: null)"
        ) from fault
    except InvalidCiphertextException as fault:
        raise InvalidKeyId(
            "The value cannot be opened: it was sealed for another parameter, or has been changed "
            "since."
        ) from fault
