"""Reading: one parameter, several by name, those under a path, and what they were before."""

import base64
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from ostler.capabilities.parameters.errors import ParameterNotFound, ParameterVersionNotFound
from ostler.capabilities.parameters.model.filters import Clause
from ostler.capabilities.parameters.model.kinds import Kind
from ostler.capabilities.parameters.model.names import Name, asked_name, path_key
from ostler.capabilities.parameters.model.parameters import Reading, Version
from ostler.capabilities.parameters.service.permission import is_forbidden
from ostler.capabilities.parameters.service.references import References, refer
from ostler.capabilities.parameters.service.sealing import Sealing
from ostler.capabilities.parameters.service.sharing import Described, Guests
from ostler.capabilities.parameters.service.tagged import carriers
from ostler.capabilities.parameters.service.watching import Changes
from ostler.capabilities.parameters.store import listing
from ostler.capabilities.parameters.store import parameters as store
from ostler.capabilities.settings import ResourcePolicies
from ostler.capabilities.tags import Tags
from ostler.foundation.call import Call
from ostler.foundation.paging import Page, PageRequest
from ostler.foundation.secrets import Sealed
from ostler.foundation.storage import Storage, Transaction


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as its reader gets it: the value is open, or as it is kept if it was not asked
    to be opened."""

    name: str
    arn: str
    kind: Kind
    data_type: str
    number: int
    modified: datetime
    value: str = field(repr=False)
    selector: str = ""
    source: str | None = field(default=None, repr=False)


class Parameters:
    """The parameters as those see them who only read."""

    def __init__(
        self,
        storage: Storage,
        sealing: Sealing,
        tags: Tags,
        references: References,
        policies: ResourcePolicies,
    ) -> None:
        self._storage = storage
        self._sealing = sealing
        self._tags = tags
        self._references = references
        self._guests = Guests(storage, tags, policies)
        self.changes = Changes(storage)

    async def get(self, call: Call, name: Name, *, decrypt: bool) -> Parameter:
        """One parameter; the version that the name's selector chooses, or the newest."""
        if name.arn:
            return await self._parameter(call, await self._guests.find(call, name), decrypt, name)
        await call.allow(_arn(call, name))
        if name.is_reference:
            return await self._refer(call, name, decrypt)
        found = await self._storage.read(
            call.scope, partial(store.read, key=name.key, selector=name.selector)
        )
        if found is None:
            raise await self._missing(call, name)
        return await self._parameter(call, found, decrypt, name)

    async def get_many(
        self, call: Call, names: Sequence[Name], *, decrypt: bool
    ) -> tuple[list[Parameter], list[str]]:
        """Those of the parameters that there are, by name, and the names of the others."""
        await call.allow(*(_arn(call, name) for name in names))
        kept = [name for name in names if not (name.is_reference or name.arn)]
        readings = await self._storage.read(call.scope, lambda tx: _read_many(tx, kept))
        found: list[Parameter] = []
        missing: list[str] = []
        for name in dict.fromkeys(names):
            reading = readings.get(name)
            try:
                if name.is_reference:
                    found.append(await self._refer(call, name, decrypt))
                elif name.arn:
                    found.append(await self.get(call, name, decrypt=decrypt))
                elif reading is not None:
                    found.append(await self._parameter(call, reading, decrypt, name))
                else:
                    missing.append(name.given)
            except ParameterNotFound:
                missing.append(name.given)
        return sorted(found, key=lambda each: (each.name, each.number)), missing

    async def values(self, call: Call, names: Sequence[str]) -> dict[str, Parameter]:
        """Those of the parameters that there are, by the names that `{{ssm:…}}` gives them, for a
        neighbour that needs them on the caller's behalf; secrets stay closed."""
        meant = {text: asked_name(text, call.scope) for text in names}
        action = "ssm:GetParameters"
        await call.allow(*(_arn(call, name) for name in meant.values()), action=action)
        kept = [name for name in meant.values() if not name.arn]
        found = await self._storage.read(call.scope, lambda tx: _read_many(tx, kept))
        for name in meant.values():
            if name.arn:
                with suppress(ParameterNotFound):
                    found[name] = await self._guests.find(call, name, action=action)
        return {
            text: await self._parameter(call, found[name], False, name)
            for text, name in meant.items()
            if name in found
        }

    async def under(
        self,
        call: Call,
        path: str,
        *,
        deep: bool,
        clauses: Sequence[Clause],
        decrypt: bool,
        asked: PageRequest,
    ) -> Page[Parameter]:
        """Some of the parameters on a level of the hierarchy, or anywhere below it."""
        key = path_key(path)
        context = {"ssm:Recursive": [str(deep).lower()]}
        await call.allow(call.arn("parameter", path.strip()), context=context)
        page = await self._storage.read(
            call.scope,
            partial(listing.under, path=key, deep=deep, clauses=clauses, asked=asked),
        )
        seen = [
            await self._parameter(call, reading, decrypt)
            for reading in page.items
            if not await is_forbidden(call, call.arn("parameter", reading.key), context)
        ]
        return Page(seen, page.last)

    async def history(
        self, call: Call, name: Name, *, decrypt: bool, asked: PageRequest
    ) -> Page[Version]:
        """The versions that are kept, the oldest first; the values open, or as they are kept."""
        await call.allow(_arn(call, name))
        if name.arn:
            raise ParameterNotFound(f"Parameter {name.given} not found.")
        page = await self._storage.read(
            call.scope, partial(store.history, key=name.key, asked=asked)
        )
        if not page.items and asked.after is None:
            raise ParameterNotFound(f"Parameter {name.given} not found.")
        opened = [
            replace(version, value=await self._value(call, version, _arn(call, name), decrypt))
            for version in page.items
        ]
        return Page(opened, page.last)

    async def describe(
        self, call: Call, clauses: Sequence[Clause], asked: PageRequest, *, shared: bool
    ) -> Page[Described]:
        """What the newest versions of some parameters say: of the account's own, or of those that
        others share with it."""
        await call.allow()
        if shared:
            return await self._guests.describe(call, clauses, asked)

        def look(tx: Transaction) -> Page[Version]:
            return listing.described(tx, clauses, carriers(tx, self._tags, clauses), asked)

        page = await self._storage.read(call.scope, look)
        own = [Described(call.arn("parameter", version.key), version) for version in page.items]
        return Page(own, page.last)

    async def _parameter(
        self, call: Call, reading: Reading, decrypt: bool, name: Name | None = None
    ) -> Parameter:
        arn = (name.arn if name else "") or call.arn("parameter", reading.key)
        return Parameter(
            name=(name.spelling if name else "") or reading.name,
            arn=arn,
            kind=reading.kind,
            data_type=reading.data_type,
            number=reading.number,
            modified=reading.modified,
            value=await self._value(call, reading, arn, decrypt),
            selector=name.selector if name else "",
        )

    async def _value(self, call: Call, version: Reading | Version, arn: str, decrypt: bool) -> str:
        value = version.value
        if not isinstance(value, Sealed):
            return value
        if not decrypt:
            return base64.b64encode(value.data).decode()
        return await self._sealing.open(call, value, arn)

    async def _refer(self, call: Call, name: Name, decrypt: bool) -> Parameter:
        referred = await refer(self._references, call, name, decrypt)
        return Parameter(
            name=name.spelling,
            arn=referred.arn,
            kind=Kind.SECURE,
            data_type="text",
            number=referred.number,
            modified=referred.modified,
            value=referred.value,
            selector=name.selector,
            source=referred.source,
        )

    async def _missing(self, call: Call, name: Name) -> Exception:
        if not name.selector:
            return ParameterNotFound()
        there = await self._storage.read(call.scope, partial(store.exists, name=name.key))
        return version_missing(name, name.selector) if there else ParameterNotFound()


def version_missing(name: Name, selector: str | int) -> ParameterVersionNotFound:
    """AWS's words: getmoto/moto#3977."""
    what = "version" if str(selector).lstrip("-").isdigit() else "label"
    parameter = name.spelling or name.given
    return ParameterVersionNotFound(
        f"Systems Manager could not find {what} {selector} of {parameter}. "
        f"Verify the {what} and try again."
    )


def _arn(call: Call, name: Name) -> str:
    return name.arn or call.arn("parameter", name.key)


def _read_many(tx: Transaction, names: Sequence[Name]) -> dict[Name, Reading]:
    newest = store.read_newest(tx, [name.key for name in names if not name.selector])
    found = {
        name: store.read(tx, name.key, name.selector) if name.selector else newest.get(name.key)
        for name in names
    }
    return {name: reading for name, reading in found.items() if reading is not None}
