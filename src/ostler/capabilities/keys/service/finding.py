"""Finding a key: by any of its names, and only for those whom its policy lets do the deed."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, partial

from ostler.capabilities.keys.model.ciphertexts import Context
from ostler.capabilities.keys.model.keys import (
    RESERVED,
    Alias,
    Key,
    Name,
    managed_policy,
    read_policy,
    via,
)
from ostler.capabilities.keys.service.materials import Materials
from ostler.capabilities.keys.store import keys as store
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.ids import Ids
from ostler.foundation.policy import Policy
from ostler.foundation.storage import Scope, Storage, Transaction

SERVICES = frozenset({"ssm"})
"""The services whose keys the house makes when they are first asked for."""


LIFE = timedelta(seconds=2)
"""How long a change made by another process may go unseen; values are opened more often."""
_MOST_KNOWN = 1_000


class Finder:
    """Finds keys, and makes those that AWS has in every account."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids, materials: Materials) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._materials = materials
        self._known: dict[tuple[Scope, str], tuple[datetime, Key]] = {}

    def forget(self) -> None:
        """Look keys up anew: something about one has changed. What is being looked up right now
        is not remembered either."""
        self._known = {}

    async def find(
        self,
        call: Call,
        name: Name,
        *,
        action: str = "",
        context: Context | None = None,
        service: str = "",
    ) -> Key:
        """The key, if the caller may do `action` (by default the call's own) with it.

        `context` is the ciphertext's; `service` the one that asks on the caller's behalf.
        """
        key = await self._look_up(name)
        told = _told(call, name, context, service)
        if key is None and _is_made(call, name):
            key = self._managed(call.scope, name.alias.removeprefix(RESERVED))
            await allow(call, key, action, told)
            return await self._storage.write(call.scope, partial(self._keep, key=key))
        if key is not None:
            await allow(call, key, action, told)
            return key
        owner = name.scope.account
        if owner == call.account:
            await call.allow(name.arn, action=action, context=told)
        else:
            await call.allow_where(None, name.arn, owner=owner, action=action, context=told)
        raise name.missing()

    async def _look_up(self, name: Name) -> Key | None:
        which, now, known = (name.scope, name.alias or name.id), self._clock.now(), self._known
        remembered = known.get(which)
        if remembered is not None and now < remembered[0]:
            return remembered[1]
        key = await self._storage.read(name.scope, partial(store.find, name=name))
        if key is not None:
            if len(known) >= _MOST_KNOWN:
                known.clear()
            known[which] = (now + LIFE, key)
        return key

    def _managed(self, scope: Scope, service: str) -> Key:
        return Key(
            id=self._ids.uuid(),
            scope=scope,
            created=self._clock.now(),
            policy=managed_policy(scope, service),
            description=f"Default key that protects what {service} keeps when no other key is set",
            service=service,
            aliases=(f"{RESERVED}{service}",),
        )

    def _keep(self, tx: Transaction, key: Key) -> Key:
        """Keep the key of a service, unless somebody else was faster."""
        name = f"{RESERVED}{key.service}"
        there = store.find(tx, Name(name, key.scope, alias=name))
        if there is not None:
            return there
        store.add(tx, key)
        sealed = self._materials.made(key.arn, key.material)
        store.keep_material(tx, key.id, key.material, sealed, on_demand=False, at=key.created)
        store.keep_alias(tx, Alias(name, key.id, key.created, key.created))
        return key


async def allow(
    call: Call, key: Key, action: str, context: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Ask whether the caller may do `action` with the key: its policy has the first word."""
    told: dict[str, Sequence[str]] = {
        "kms:CallerAccount": [call.caller.account],
        "kms:KeyOrigin": ["AWS_KMS"],
        "kms:KeySpec": ["SYMMETRIC_DEFAULT"],
        "kms:KeyUsage": ["ENCRYPT_DECRYPT"],
        "kms:ResourceAliases": list(key.aliases),
        **{f"aws:ResourceTag/{tag}": [value] for tag, value in key.tags},
        **(context or {}),
    }
    owner = key.scope.account
    policy = compiled(key.policy)
    await call.allow_where(
        policy, key.arn, owner=owner, action=action, context=told, sovereign=True
    )


@lru_cache(maxsize=1024)
def compiled(text: str) -> Policy:
    """A key policy; the same text is read once."""
    return read_policy(text)


def _is_made(call: Call, name: Name) -> bool:
    service = name.alias.removeprefix(RESERVED) if name.alias.startswith(RESERVED) else ""
    return service in SERVICES and name.scope.account == call.account


def _told(call: Call, name: Name, context: Context | None, service: str) -> dict[str, list[str]]:
    """What key policies may ask about the circumstances."""
    told: dict[str, list[str]] = {}
    if context:
        told["kms:EncryptionContextKeys"] = sorted(context)
        told |= {f"kms:EncryptionContext:{key}": [value] for key, value in context.items()}
    if name.alias:
        told["kms:RequestAlias"] = [name.alias]
    if service:
        told["kms:ViaService"] = [via(service, call.region)]
    return told
