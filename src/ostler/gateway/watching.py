"""Watching: a stream of what changes in Parameter Store, as server-sent events.

`GET /v1/parameters/watch?path=/shop&recursive=true`, signed like any request to `ssm`. A stream
ends after a few minutes, so that its reader has to sign again, with permissions as they are then;
`Last-Event-ID` goes on where it ended. Nothing is kept for a reader but the number of the event
that came last: what is told next is read from the database when the reader has taken the last.
"""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import parse_qs

import structlog

from ostler.foundation.audit import SUCCESS, Audit
from ostler.foundation.authentication import Authentication
from ostler.foundation.call import Call, context_of
from ostler.foundation.errors import ApiError, ThrottlingException, ValidationException
from ostler.gateway.app import Limits, Surroundings
from ostler.wire import models
from ostler.wire.http import Request, Response

PATH = "/v1/parameters/watch"
ACTION = "ssm:GetParametersByPath"
LIFE = timedelta(minutes=5)
BEAT = timedelta(seconds=15)
"""So often at least something is said, so that whoever left is noticed; the database is looked at
as often, since a nudge of another process may be lost."""
MOST_OF_ONE = 100
MOST = 2_000
"""Streams at once, of one caller and of all."""

_AT_ONCE = 100
_HEADERS = {"content-type": "text/event-stream", "cache-control": "no-store"}

log = structlog.get_logger()


class Change(Protocol):
    """What happened to a parameter, and the number of the event that tells of it."""

    @property
    def number(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def operation(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...


class Batch(Protocol):
    """Changes that the caller may see. `upto` is the number of the last event that was looked at,
    `lost` says that older ones have been forgotten since, `more` that there are others."""

    @property
    def changes(self) -> Sequence[Change]: ...
    @property
    def upto(self) -> int: ...
    @property
    def lost(self) -> bool: ...
    @property
    def more(self) -> bool: ...


class Changes(Protocol):
    """Knows what changed in Parameter Store."""

    async def open(self, call: Call, path: str, deep: bool) -> int:
        """The number of the newest event; refused unless the caller may read the path."""
        ...

    async def since(self, call: Call, path: str, deep: bool, after: int, most: int) -> Batch:
        """Some of what happened below the path after that event."""
        ...


class Bell:
    """Rings for everybody who waits just now."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake all who wait."""
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()

    def next(self) -> asyncio.Event:
        """What will be set when it rings next."""
        return self._rung


@dataclass(frozen=True, slots=True)
class _Wish:
    path: str
    deep: bool
    after: int | None


class Watching:
    """Answers with streams."""

    def __init__(
        self,
        authentication: Authentication,
        changes: Changes,
        audit: Audit,
        surroundings: Surroundings,
        bell: Bell,
        *,
        limits: Limits,
    ) -> None:
        self._authentication = authentication
        self._changes = changes
        self._audit = audit
        self._around = surroundings
        self._bell = bell
        self._limits = limits
        self._open: Counter[str] = Counter()

    @staticmethod
    def serves(path: str) -> bool:
        """Whether the path is that of the stream."""
        return path == PATH

    async def answer(self, request: Request) -> Response:
        """The stream, or why there is none."""
        request_id = self._around.ids.uuid()
        try:
            return await self._begun(request, request_id)
        except ApiError as error:
            refusal = error
        return models.protocol("ssm").write_error(
            models.model("ssm"), None, refusal.code, refusal.message, refusal.members, request_id
        )

    async def _begun(self, request: Request, request_id: str) -> Response:
        caller, scope = await self._authentication.sigv4(request, "ssm")
        self._limits.admit(caller, ACTION)
        wish = _wish_of(request)
        call = Call(
            scope=scope,
            caller=caller,
            request_id=request_id,
            action=ACTION,
            at=self._around.clock.now(),
            resource_tags=self._around.resource_tags,
            context=context_of(request),
        )
        entry = self._audit.entry(call, {"Path": wish.path, "Recursive": wish.deep, "Watch": True})
        outcome = SUCCESS
        try:
            newest = await self._changes.open(call, wish.path, wish.deep)
            if self._open[caller.arn] >= MOST_OF_ONE or self._open.total() >= MOST:
                raise ThrottlingException("Too many streams are open at once.")
        except ApiError as error:
            outcome = error.code
            raise
        finally:
            self._audit.record(entry, outcome)
        after = newest if wish.after is None else min(wish.after, newest)
        return Response(200, _HEADERS, stream=self._told(call, wish, after))

    async def _told(self, call: Call, wish: _Wish, after: int) -> AsyncIterator[bytes]:
        clock = self._around.clock
        end = clock.now() + LIFE
        self._open[call.caller.arn] += 1
        try:
            yield b"retry: 1000\n" + _event(after, "ready", {})
            while clock.now() < end:
                rung = self._bell.next()
                batch = await self._changes.since(call, wish.path, wish.deep, after, _AT_ONCE)
                if batch.lost:
                    yield _event(batch.upto, "lost", {})
                for change in batch.changes:
                    yield _event(change.number, "change", _written(change))
                moved, after = batch.upto > after, batch.upto
                if batch.more:
                    continue
                if not batch.changes:
                    # The number goes along, so that who comes again need not look at all of it.
                    yield f"id: {after}\n\n".encode() if moved else b": \n\n"
                await self._until(rung)
        finally:
            self._open[call.caller.arn] -= 1
            self._open += Counter()

    async def _until(self, rung: asyncio.Event) -> None:
        """Wait until the bell rings, or for a beat."""
        waiting = [
            asyncio.ensure_future(rung.wait()),
            asyncio.ensure_future(self._around.clock.sleep(BEAT)),
        ]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*waiting, return_exceptions=True)


def _wish_of(request: Request) -> _Wish:
    try:
        given = parse_qs(request.query, max_num_fields=10, keep_blank_values=True)
    except ValueError as fault:
        raise ValidationException(f"The query cannot be read: {fault}") from fault
    if unknown := sorted(set(given) - {"path", "recursive"}):
        raise ValidationException(f"There is no {unknown[0]} here; path and recursive are.")
    deep = given.get("recursive", ["true"])[-1]
    if deep not in ("true", "false"):
        raise ValidationException("recursive is true or false.")
    last = request.headers.get("last-event-id", "")
    if last and not (last.isascii() and last.isdigit() and len(last) < 19):
        raise ValidationException("Last-Event-ID is the id of an event of such a stream.")
    return _Wish(given.get("path", ["/"])[-1], deep == "true", int(last) if last else None)


def _event(number: int, kind: str, data: object) -> bytes:
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()


def _written(change: Change) -> dict[str, str]:
    return {
        "operation": change.operation,
        "name": change.name,
        "type": change.type,
        "time": change.at.isoformat(),
    }
