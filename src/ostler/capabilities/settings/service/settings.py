"""Settings: look at one, choose, take it back; and what neighbours ask of them."""

from collections.abc import Mapping
from functools import partial
from typing import Protocol

from ostler.capabilities.settings.model.settings import (
    KINDS,
    Setting,
    check_value,
    setting_id,
)
from ostler.capabilities.settings.store import settings as store
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.storage import Storage, Transaction


class Keeper(Protocol):
    """Keeps a setting that is something else besides, where that is kept."""

    async def chosen(self, call: Call) -> Setting | None:
        """What the account has chosen, if anything."""
        ...

    async def choose(self, call: Call, value: str) -> None:
        """Let the setting be this, if the caller may bring that about."""
        ...

    async def forget(self, call: Call) -> None:
        """Take the choice back."""
        ...


class ServiceSettings:
    """What accounts choose for themselves, each in each region."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._keepers: dict[str, Keeper] = {}

    def serve(self, keepers: Mapping[str, Keeper]) -> None:
        """Let neighbours keep these settings; said once, when the house is put together."""
        self._keepers.update(keepers)

    async def get(self, call: Call, given: str) -> Setting:
        """The setting as it stands."""
        return await self._standing(call, await self._allowed(call, given))

    async def update(self, call: Call, given: str, value: str) -> None:
        """Choose."""
        id_ = await self._allowed(call, given)
        check_value(id_, value)
        keeper = self._keepers.get(id_)
        if keeper is not None:
            await keeper.choose(call, value)
            return
        chosen = Setting(id_, value, self._clock.now(), call.caller.arn)
        await self._storage.write(call.scope, partial(store.put, chosen=chosen))

    async def reset(self, call: Call, given: str) -> Setting:
        """Take the choice back; the setting as it stands then."""
        id_ = await self._allowed(call, given)
        keeper = self._keepers.get(id_)
        if keeper is not None:
            await keeper.forget(call)
        else:
            await self._storage.write(call.scope, partial(store.remove, id_=id_))
        return await self._standing(call, id_)

    def value(self, tx: Transaction, id_: str) -> str:
        """What holds in the transaction's scope, for whoever is in a transaction already."""
        chosen = store.find(tx, id_)
        return KINDS[id_].default if chosen is None else chosen.value

    async def _standing(self, call: Call, id_: str) -> Setting:
        keeper = self._keepers.get(id_)
        if keeper is not None:
            chosen = await keeper.chosen(call)
        else:
            chosen = await self._storage.read(call.scope, partial(store.find, id_=id_))
        return chosen or Setting(id_, KINDS[id_].default)

    async def _allowed(self, call: Call, given: str) -> str:
        """The id of the setting, once the caller may do this to it; or to whatever was named."""
        own = call.arn("servicesetting", "")
        await call.allow(given if given.startswith("arn:") else own + given.removeprefix("/"))
        return setting_id(given, own)
