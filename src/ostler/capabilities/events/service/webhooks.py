"""Connections and API destinations, as customers keep them."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import msgspec

from ostler.capabilities.events.errors import (
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
)
from ostler.capabilities.events.model.names import CONNECTION, DESTINATION, arn_of, name_in
from ostler.capabilities.events.model.webhooks import (
    Authorization,
    Connection,
    Destination,
    check_authorization,
    check_url,
)
from ostler.capabilities.events.store import webhooks as store
from ostler.foundation.call import Call
from ostler.foundation.clock import Clock
from ostler.foundation.errors import ValidationException
from ostler.foundation.ids import Ids
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Scope, Storage, Transaction


class Vault:
    """Seals what connections know, each for itself alone."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def close(self, scope: Scope, connection: Connection, known: Authorization) -> Connection:
        """The connection with what it knows sealed in it."""
        plain = msgspec.json.encode(known)
        sealed = self._secrets.seal(plain, _context(scope, connection))
        return replace(connection, way=known.way, sealed=sealed)

    def open(self, scope: Scope, connection: Connection) -> Authorization:
        """What a connection knows."""
        plain = self._secrets.open(connection.sealed, _context(scope, connection))
        return msgspec.json.decode(plain, type=Authorization)


class Webhooks:
    """Keeps connections and API destinations."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids, vault: Vault) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._vault = vault

    # Connections

    async def connect(self, call: Call, connection: Connection, known: Authorization) -> Connection:
        """Make a connection."""
        await call.allow(arn_of(call.scope, CONNECTION, f"{connection.name}/*"))
        check_authorization(known)
        now = self._clock.now()
        fresh = replace(connection, id=self._ids.uuid(), created=now, modified=now)
        made = self._vault.close(call.scope, fresh, known)

        def add(tx: Transaction) -> None:
            if store.connection(tx, made.name) is not None:
                raise ResourceAlreadyExistsException(f"Connection {made.name} already exists.")
            store.write_connection(tx, made)

        await self._storage.write(call.scope, add)
        return made

    async def change_connection(
        self,
        call: Call,
        name: str,
        *,
        description: str | None,
        change: Callable[[Authorization], Authorization],
    ) -> Connection:
        """Change a connection: `change` is given what it knows, and gives what it shall know."""
        former = await self._allowed_connection(call, name)
        known = change(self._vault.open(call.scope, former))
        check_authorization(known)
        changed = self._vault.close(
            call.scope,
            replace(
                former,
                description=former.description if description is None else description,
                modified=self._clock.now(),
            ),
            known,
        )

        def keep(tx: Transaction) -> None:
            _expect_connection(tx, name)
            store.write_connection(tx, changed)

        await self._storage.write(call.scope, keep)
        return changed

    async def connection(self, call: Call, name: str) -> tuple[Connection, Authorization]:
        """The connection and what it knows, secrets and all."""
        found = await self._allowed_connection(call, name)
        return found, self._vault.open(call.scope, found)

    async def disconnect(self, call: Call, name: str) -> Connection:
        """Forget a connection that no API destination uses."""
        await call.allow(arn_of(call.scope, CONNECTION, f"{name}/*"))

        def remove(tx: Transaction) -> Connection:
            found = _expect_connection(tx, name)
            if store.destination_page(tx, "", PageRequest(1), by=found.path).items:
                raise ValidationException(f"API destinations use the connection {name}.")
            store.remove_connection(tx, name)
            return found

        return await self._storage.write(call.scope, remove)

    async def connections(self, call: Call, prefix: str, asked: PageRequest) -> Page[Connection]:
        """The connections whose names begin so."""
        await call.allow(arn_of(call.scope, CONNECTION, "*"))
        look = partial(store.connection_page, prefix=prefix, asked=asked)
        return await self._storage.read(call.scope, look)

    # API destinations

    async def create(self, call: Call, destination: Destination) -> Destination:
        """Make an API destination."""
        await call.allow(arn_of(call.scope, DESTINATION, f"{destination.name}/*"))
        check_url(destination.endpoint)
        now = self._clock.now()
        made = replace(destination, id=self._ids.uuid(), created=now, modified=now)

        def add(tx: Transaction) -> None:
            if store.destination(tx, made.name) is not None:
                raise ResourceAlreadyExistsException(f"API destination {made.name} already exists.")
            _expect_path(tx, made.connection)
            store.write_destination(tx, made)

        await self._storage.write(call.scope, add)
        return made

    async def change(
        self, call: Call, name: str, change: Callable[[Destination], Destination]
    ) -> Destination:
        """Change an API destination; what waits for it goes where it leads then."""
        await call.allow(arn_of(call.scope, DESTINATION, f"{name}/*"))

        def keep(tx: Transaction) -> Destination:
            changed = replace(change(_expect_destination(tx, name)), modified=self._clock.now())
            check_url(changed.endpoint)
            _expect_path(tx, changed.connection)
            store.write_destination(tx, changed)
            return changed

        return await self._storage.write(call.scope, keep)

    async def get(self, call: Call, name: str) -> Destination:
        """The API destination."""
        await call.allow(arn_of(call.scope, DESTINATION, f"{name}/*"))
        return await self._storage.read(call.scope, partial(_expect_destination, name=name))

    async def delete(self, call: Call, name: str) -> None:
        """Forget an API destination; what waits for it is given up."""
        await call.allow(arn_of(call.scope, DESTINATION, f"{name}/*"))

        def remove(tx: Transaction) -> None:
            _expect_destination(tx, name)
            store.remove_destination(tx, name)

        await self._storage.write(call.scope, remove)

    async def list(
        self, call: Call, prefix: str, asked: PageRequest, *, connection: str | None
    ) -> Page[Destination]:
        """The API destinations whose names begin so; of one connection if it is named."""
        await call.allow(arn_of(call.scope, DESTINATION, "*"))
        look = partial(store.destination_page, prefix=prefix, asked=asked, by=connection)
        return await self._storage.read(call.scope, look)

    async def _allowed_connection(self, call: Call, name: str) -> Connection:
        await call.allow(arn_of(call.scope, CONNECTION, f"{name}/*"))
        return await self._storage.read(call.scope, partial(_expect_connection, name=name))


def _expect_connection(tx: Transaction, name: str) -> Connection:
    found = store.connection(tx, name)
    if found is None:
        raise ResourceNotFoundException(f"Connection {name} does not exist.")
    return found


def _expect_path(tx: Transaction, path: str) -> None:
    found = _expect_connection(tx, name_in(path))
    if found.path != path:
        raise ResourceNotFoundException(f"Connection {path} does not exist.")


def _expect_destination(tx: Transaction, name: str) -> Destination:
    found = store.destination(tx, name)
    if found is None:
        raise ResourceNotFoundException(f"API destination {name} does not exist.")
    return found


def _context(scope: Scope, connection: Connection) -> str:
    return arn_of(scope, CONNECTION, connection.path)
