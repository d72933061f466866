"""Watching: what changed below a path, for whoever may read it there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from ostler.capabilities.parameters.events import ParameterChanged
from ostler.capabilities.parameters.model.names import path_key
from ostler.foundation import events
from ostler.foundation.call import Call
from ostler.foundation.events import Told
from ostler.foundation.storage import Storage, Transaction


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a parameter, and the number of the event that tells of it."""

    number: int
    at: datetime
    operation: str
    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes that the caller may see. `upto` is the number of the last event that was looked at,
    `lost` says that older ones have been forgotten since, `more` that there are others."""

    changes: Sequence[Change]
    upto: int
    lost: bool = False
    more: bool = False


class Changes:
    """What changed, read from the events that every write tells."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def open(self, call: Call, path: str, deep: bool) -> int:
        """The number of the newest event; refused unless the caller may read the path."""
        path_key(path)
        context = {"ssm:Recursive": [str(deep).lower()]}
        await call.allow(call.arn("parameter", path.strip()), context=context)
        return await self._storage.read(None, events.newest)

    async def since(self, call: Call, path: str, deep: bool, after: int, most: int) -> Batch:
        """Some of what happened below the path after that event; of parameters that the caller
        may not read nothing is told."""
        # The numbers are the whole house's and are given in the order of the commits: what is told
        # up to the newest is there to be read.
        oldest, newest = await self._storage.read(None, _kept)
        told: Sequence[Told] = ()
        if newest > after:
            look = partial(events.since, sequence=after, limit=most, kind=ParameterChanged)
            told = await self._storage.read(call.scope, look)
        key, changes = path_key(path), []
        for each in told:
            if not _is_below(each.body, key, deep):
                continue
            if await call.may(each.body["resources"][0], action="ssm:GetParameter"):
                changes.append(_change(each))
        more = len(told) == most
        seen = told[-1].sequence if told else after
        return Batch(changes, seen if more else max(newest, seen), after < oldest - 1, more)


def _kept(tx: Transaction) -> tuple[int, int]:
    return events.oldest(tx), events.newest(tx)


def _is_below(body: Mapping[str, Any], key: str, deep: bool) -> bool:
    name = str(body["resources"][0]).partition(":parameter/")[2]
    parent = name.rpartition("/")[0]
    if parent == key:
        return True
    return deep and (not key or parent.startswith(f"{key}/"))


def _change(told: Told) -> Change:
    detail = told.body["detail"]
    return Change(told.sequence, told.at, detail["operation"], detail["name"], detail["type"])
