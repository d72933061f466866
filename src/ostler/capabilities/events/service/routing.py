"""Routing: what happened is matched with the rules, and what they want told is handed over."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import structlog

from ostler.capabilities.events.model.envelopes import Envelope, envelope_of, scheduled
from ostler.capabilities.events.model.names import DEFAULT_BUS, DESTINATION, arn_of, rule_arn
from ostler.capabilities.events.model.rules import Rule, pattern_of
from ostler.capabilities.events.model.targets import Retry, Target
from ostler.capabilities.events.service.rules import ROUTE_TIMER, set_timer
from ostler.capabilities.events.store import rules as store
from ostler.capabilities.events.store.rules import Listening
from ostler.foundation.clock import Clock
from ostler.foundation.deliveries import Parcel, hand_over
from ostler.foundation.events import since
from ostler.foundation.storage import Scope, Storage, Transaction
from ostler.foundation.timers import Due
from ostler.grammar.eventpatterns import Pattern, TooCostly

CHANNEL = "events"

_AT_ONCE = 200
_BREATH = 16
"""After so many patterns others get their turn: each takes milliseconds at the very most."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is to be matched with what."""

    envelopes: Sequence[Envelope]
    listening: Sequence[Listening]
    paces: Mapping[str, int]
    last: int
    more: bool


class Routing:
    """Brings what happened to the rules."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def route(self, due: Due) -> None:
        """Match what was told since the last time, much at once."""
        reading = await self._storage.read(due.scope, _read)
        now = self._clock.now()
        parcels = [] if reading is None else await self._matched(due.scope, reading, now)

        def settle(tx: Transaction) -> None:
            hand_over(tx, parcels)
            tx.finish(due)
            if reading is not None:
                store.move_cursor(tx, reading.last)
                if reading.more:
                    tx.schedule(ROUTE_TIMER, "", now)

        await self._storage.write(due.scope, settle)

    async def keep_schedule(self, due: Due) -> None:
        """The time of a rule's schedule has come."""
        now = self._clock.now()

        def make(tx: Transaction) -> None:
            tx.finish(due)
            rule = store.rule(tx, DEFAULT_BUS, due.key)
            if rule is None or not rule.schedule or not rule.enabled:
                return
            event = scheduled(due.scope, rule_arn(due.scope, rule.bus, rule.name), due.due_at)
            targets, paces = store.targets_of(tx, rule.bus, rule.name), store.paces(tx)
            hand_over(tx, [_parcel(event, rule, each, paces, now) for each in targets])
            set_timer(tx, rule, now)

        await self._storage.write(due.scope, make)

    async def _matched(self, scope: Scope, reading: _Reading, now: datetime) -> list[Parcel]:
        parcels: list[Parcel] = []
        tried = 0
        for envelope in reading.envelopes:
            event = envelope.written
            for each in reading.listening:
                if each.rule.bus != envelope.bus:
                    continue
                tried += 1
                if tried % _BREATH == 0:
                    await self._clock.sleep(timedelta(0))
                if _fits(scope, each.rule, event):
                    parcels += [
                        _parcel(envelope, each.rule, target, reading.paces, now)
                        for target in each.targets
                    ]
        return parcels


def _read(tx: Transaction) -> _Reading | None:
    cursor = store.cursor(tx)
    if cursor is None:
        return None
    told = since(tx, cursor, _AT_ONCE)
    envelopes = [envelope for each in told if (envelope := envelope_of(each)) is not None]
    return _Reading(
        envelopes,
        store.listening(tx) if envelopes else (),
        store.paces(tx),
        last=told[-1].sequence if told else cursor,
        more=len(told) == _AT_ONCE,
    )


def _fits(scope: Scope, rule: Rule, event: Mapping[str, object]) -> bool:
    try:
        return _compiled(rule.pattern).matches(event)
    except TooCostly:
        name = rule_arn(scope, rule.bus, rule.name)
        log.warning("event_too_costly", rule=name, event_id=event["id"])
        return False


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> Pattern:
    return pattern_of(pattern)


def _parcel(
    envelope: Envelope, rule: Rule, target: Target, paces: Mapping[str, int], now: datetime
) -> Parcel:
    arn = rule_arn(envelope.scope, rule.bus, rule.name)
    # The same however often an event is matched, so that it is handed over once.
    own = hashlib.sha256(f"{envelope.id} {arn} {target.id}".encode()).hexdigest()[:32]
    retry = target.retry or Retry()
    destination = target.arn.removeprefix(arn_of(envelope.scope, DESTINATION, ""))
    return Parcel(
        id=own,
        channel=CHANNEL,
        destination=target.arn,
        subject=arn,
        content={
            "bus": rule.bus,
            "rule": rule.name,
            "target": target.id,
            "event": envelope.written,
            "ingested": now,
        },
        created=now,
        expires=now + timedelta(seconds=retry.age),
        most_attempts=retry.attempts + 1,
        pace=paces.get(destination, 1000),
    )
