"""Activations: make one, list them, take one back."""

from collections.abc import Sequence
from functools import partial

from ostler.capabilities.nodes.errors import InvalidActivationId
from ostler.capabilities.nodes.model.activations import (
    Activation,
    ActivationFilter,
    ActivationOrder,
    new_code,
)
from ostler.capabilities.nodes.model.nodes import RESOURCE_TYPE
from ostler.capabilities.nodes.service.roles import Roles, give_role
from ostler.capabilities.nodes.store import activations as store
from ostler.capabilities.tags import check_tags, most, request_context
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import ValidationException
from ostler.foundation.ids import ActivationId, Ids
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Storage


class Activations:
    """The permits with which machines become nodes."""

    def __init__(
        self, storage: Storage, clock: Clock, ids: Ids, secrets: Secrets, roles: Roles
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._secrets = secrets
        self._roles = roles

    async def create(self, call: Call, order: ActivationOrder) -> tuple[Activation, str]:
        """The new activation, and its code: it is never shown again."""
        await call.allow(context=request_context(order.tags) if order.tags else None)
        check_tags(order.tags)
        if len(order.tags) > most(RESOURCE_TYPE):
            raise ValidationException(f"A node carries at most {most(RESOURCE_TYPE)} tags.")
        activation = order.fulfilled(ActivationId(self._ids.uuid()), self._clock.now())
        await give_role(call, self._roles, order.role)
        code = new_code(self._ids)
        code_hash = self._secrets.hash_secret(code)
        await self._storage.write(
            call.scope, partial(store.add, activation=activation, code_hash=code_hash)
        )
        return activation, code

    async def list(
        self, call: Call, filters: Sequence[ActivationFilter], asked: PageRequest
    ) -> Page[Activation]:
        """Activations that pass every filter, the oldest first."""
        await call.allow()
        return await self._storage.read(
            call.scope, partial(store.page, filters=filters, asked=asked)
        )

    async def delete(self, call: Call, activation: ActivationId) -> None:
        """Let no more machines register with it; those that did stay."""
        await call.allow()
        removed = await self._storage.write(
            call.scope, partial(store.remove, activation=activation)
        )
        if not removed:
            raise InvalidActivationId(f"There is no activation {activation}.")
