"""How a capability presents itself to the house, and what the house gives to each."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ostler.foundation.blobs import Blobs
from ostler.foundation.clock import Clock
from ostler.foundation.events import Event, Listener, Wanted
from ostler.foundation.ids import Ids
from ostler.foundation.secrets import Secrets
from ostler.foundation.storage import Migration, Scope, Storage, Transaction
from ostler.foundation.timers import Handler


@dataclass(frozen=True, slots=True)
class Foundation:
    """What every capability stands on."""

    storage: Storage
    clock: Clock
    ids: Ids
    blobs: Blobs
    secrets: Secrets


@dataclass(frozen=True, slots=True)
class Taggable:
    """A kind of resource that carries tags.

    `kind` is AWS's ResourceType ("ManagedInstance"), `arn_kind` the word in its ARN
    ("managed-instance"), `exists` tells whether there is such a resource in the transaction's
    scope.
    """

    kind: str
    arn_kind: str
    exists: Callable[[Transaction, str], bool]


@dataclass(frozen=True, slots=True)
class Capability:
    """One capability, put together.

    `operations` are objects with an attribute `service` (the model's name, "ssm") whose public
    methods are the operations they answer. `listeners` pair a published event with an idempotent
    coroutine function of (scope, event). `jobs` pair a kind of timer with its handler; `wakes` pair
    an event with a kind of timer that is due in the event's scope when it is told, if anybody
    there wants to know.
    `start` runs once after the migrations, before the doors open.
    """

    name: str
    service: Any
    operations: Sequence[Any] = ()
    listeners: Sequence[tuple[type[Event], Listener]] = ()
    jobs: Sequence[tuple[str, Handler]] = ()
    wakes: Sequence[tuple[type[Event], str, Wanted]] = ()
    taggables: Sequence[Taggable] = ()
    migrations: Sequence[Migration] = ()
    start: Callable[[], Awaitable[None]] | None = None


__all__ = ["Capability", "Foundation", "Scope", "Taggable"]
