"""Using keys: seal, open, make keys for data, seal again under another key."""

import secrets as chance
from dataclasses import dataclass, field

import msgspec

from ostler.capabilities.keys.errors import IncorrectKeyException
from ostler.capabilities.keys.model.ciphertexts import (
    SPICE,
    Context,
    Head,
    close,
    head_of,
    unclosed,
)
from ostler.capabilities.keys.model.keys import Key, Name, named
from ostler.capabilities.keys.service.finding import Finder
from ostler.capabilities.keys.service.materials import Materials
from ostler.foundation.call import Call
from ostler.foundation.errors import ValidationException
from ostler.foundation.ids import AccountId
from ostler.foundation.storage import Scope

_LARGEST_CONTEXT = 8192


@dataclass(frozen=True, slots=True)
class Seal:
    """A key at hand: it seals without waiting, so that it can be used inside a transaction."""

    key: Key
    material: bytes = field(repr=False)

    def close(self, plain: bytes, context: Context) -> bytes:
        """The ciphertext, which names the key and opens for the same context alone."""
        head = Head(self.key.id, self.key.scope.account, self.key.material)
        return close(plain, head, self.material, context, chance.token_bytes(SPICE))


@dataclass(frozen=True, slots=True)
class Opened:
    """What a ciphertext held, and the key that had sealed it."""

    key: Key
    plain: bytes = field(repr=False)
    material: int = 1


class Keys:
    """The keys as those see them who seal and open with them."""

    def __init__(self, finder: Finder, materials: Materials) -> None:
        self._finder = finder
        self._materials = materials

    async def seal(
        self, call: Call, key_id: str, context: Context, *, action: str = "", service: str = ""
    ) -> Seal:
        """The key at hand, if the caller may do `action` with it for this context.

        `service` is the neighbour that seals on the caller's behalf.
        """
        _check(context)
        name = named(key_id, call.scope)
        key = await self._finder.find(call, name, action=action, context=context, service=service)
        key.expect_usable()
        return Seal(key, await self._materials.of(key, key.material))

    async def open(
        self,
        call: Call,
        ciphertext: bytes,
        context: Context,
        *,
        key_id: str = "",
        action: str = "",
        service: str = "",
    ) -> Opened:
        """What was sealed for the same context. The ciphertext names its key; `key_id`, where
        it is given, has to mean the same one."""
        _check(context)
        head = head_of(ciphertext)
        scope = call.scope
        if head.account != scope.account:
            scope = Scope(AccountId(head.account), scope.region)
        key = await self._finder.find(
            call,
            Name(head.key, scope, id=head.key),
            action=action,
            context=context,
            service=service,
        )
        if key_id:
            await self._expect_same(call, key, key_id, action, context)
        key.expect_usable()
        material = await self._materials.of(key, head.material)
        return Opened(key, unclosed(ciphertext, material, context), head.material)

    async def _expect_same(
        self, call: Call, key: Key, key_id: str, action: str, context: Context
    ) -> None:
        name = named(key_id, call.scope)
        meant = await self._finder.find(call, name, action=action, context=context)
        if meant.arn != key.arn:
            raise IncorrectKeyException(
                "The key ID in the request does not identify a CMK that can perform this operation."
            )


def data_key(size: int | None, spec: str | None) -> bytes:
    """A new key of so many bytes, or of that kind; one of the two has to be said."""
    if (size is None) == (spec is None):
        raise ValidationException("Please specify either number of bytes or key spec.")
    return chance.token_bytes(size if size is not None else _SIZES[str(spec)])


_SIZES = {"AES_256": 32, "AES_128": 16}


def _check(context: Context) -> None:
    if len(msgspec.json.encode(dict(context))) > _LARGEST_CONTEXT:
        raise ValidationException(
            f"The encryption context is larger than {_LARGEST_CONTEXT} bytes."
        )
